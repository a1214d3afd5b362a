"""Worker processes of this machine, within its cores, memory and accelerators."""

from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final

from parley.pipeline.executors.config import ExecutorConfig
from parley.pipeline.executors.executor import EXECUTORS, Ended
from parley.pipeline.executors.machine import Machine, Slot
from parley.pipeline.executors.task import UnitTask
from parley.pipeline.executors.worker import Worker
from parley.pipeline.unit import Unit

WAIT_SECONDS: Final = 0.5


@EXECUTORS.register("process")
class ProcessExecutor:
    """Long-lived workers: independent stages side by side, shards spread over them.

    A worker is used again for slots of the same cores and accelerators: libraries size their thread pools once.
    """

    def __init__(self, config: ExecutorConfig, logs: Path, plugins: Sequence[str] = ()) -> None:
        """Start nothing yet."""
        self.config, self.plugins = config, tuple(plugins)
        self.machine = Machine(config)
        self.workers: dict[Worker, Slot] = {}

    def start(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Start those that there is room for, the first ones first; a smaller one may go before a large one."""
        return [unit for unit in units if self._start(unit)]

    def wait(self) -> Sequence[Ended]:
        """Show what the workers say; those of their units that have ended."""
        wait([worker.connection for worker in self.workers], WAIT_SECONDS)
        ended = []
        for worker, slot in list(self.workers.items()):
            news = worker.news()
            ended += news
            if news:
                self.machine.give_back(slot)
            if worker.process.poll() is not None:
                del self.workers[worker]
        return ended

    def stop(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.end()
        for worker in self.workers:
            worker.join()
        self.workers.clear()

    def _start(self, unit: Unit) -> bool:
        grant = self.config.resources(unit.job.stage)
        grant.on_one_machine(unit.job.stage)
        slot = self.machine.take(grant)
        if slot is None:
            return False
        worker = self._idle(slot) or self._hire(slot, grant.processes)
        self.workers[worker] = slot
        worker.run(UnitTask(unit, self.plugins, Path.cwd(), grant.processes))
        return True

    def _idle(self, slot: Slot) -> Worker | None:
        for worker, before in self.workers.items():
            if worker.unit is None and (before.cores, before.accelerators) == (slot.cores, slot.accelerators):
                return worker
        return None

    def _hire(self, slot: Slot, processes: int) -> Worker:
        """A new worker; idle ones that hold its accelerators, or are more than there are cores, go."""
        for worker, before in list(self.workers.items()):
            shared = set(before.accelerators) & set(slot.accelerators)
            if worker.unit is None and (shared or len(self.workers) >= self.machine.cores):
                worker.end()
                worker.join()
                del self.workers[worker]
        return Worker(self.machine.environment(slot, processes))
