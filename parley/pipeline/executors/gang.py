"""A gang: processes of one machine that do a `distributed` stage together, with the variables of `torchrun`."""

import os
import socket
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from parley.pipeline.executors.worker import Worker

if TYPE_CHECKING:
    from parley.pipeline.executors.task import UnitTask


def run_gang(task: "UnitTask", processes: int) -> None:
    """Run a task in each of so many new processes; when one fails, the others are ended.

    Raises:
        Exception: what the first process that failed said.
    """
    shared = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
    }
    workers = [Worker(shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(processes)]
    try:
        for worker in workers:
            worker.run(task)
        while busy := [worker for worker in workers if worker.unit]:
            wait([worker.connection for worker in busy])
            for error in (error for worker in busy for _, error in worker.news() if error):
                raise error
    finally:
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.join()


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
