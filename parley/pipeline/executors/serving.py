"""What a worker process does: `python -m parley.pipeline.executors.serving CONNECTION PARENT`.

It runs the tasks that come over the connection, one after the other, and dies with its parent.
"""

import ctypes
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from types import FrameType
from typing import Final

from parley.pipeline import progress
from parley.pipeline.executors.task import UnitTask

DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of prctl(2)


def serve(connection: "Connection[object, UnitTask]", parent: int) -> None:
    """Run tasks until the parent closes the connection."""
    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked for its signal
        return
    signal.signal(signal.SIGTERM, _stop)
    one_at_a_time = threading.Lock()

    def send(answer: object) -> None:
        with one_at_a_time:
            connection.send(answer)

    progress.forward(send)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        send(task())


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), int(sys.argv[2]))
