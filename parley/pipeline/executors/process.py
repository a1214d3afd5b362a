"""Worker processes of this machine, within its cores, memory and accelerators."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.pipeline.executors.config import ExecutorConfig
from parley.pipeline.executors.executor import EXECUTORS, Ended
from parley.pipeline.executors.machine import Machine, Slot
from parley.pipeline.executors.task import Task
from parley.pipeline.progress import Shown
from parley.pipeline.unit import Failure, Unit

WAIT_SECONDS: Final = 0.5
STOP_SECONDS: Final = 20.0  # for a stopped worker to tidy up


class Worker:
    """A process that runs one task at a time, in a slot of a fixed size and with accelerators of its own.

    Attributes:
        unit: what it is at; None while it is idle.
    """

    def __init__(self, slot: Slot, environment: dict[str, str]) -> None:
        """Start it."""
        self.slot = slot
        self.unit: Unit | None = None
        self.connection, theirs = Pipe()
        self.shown = Shown()
        command = [sys.executable, "-m", "parley.pipeline.executors.worker", str(theirs.fileno()), str(os.getpid())]
        paths = os.pathsep.join(path for path in sys.path if path)
        self.process = subprocess.Popen(
            command,
            env=environment | {"PYTHONPATH": paths},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()

    def fits(self, slot: Slot) -> bool:
        """Whether it is idle and made for such a slot."""
        same = (slot.cores, slot.accelerators) == (self.slot.cores, self.slot.accelerators)
        return self.unit is None and same

    def run(self, task: Task, slot: Slot) -> None:
        """Begin a task."""
        self.slot, self.unit = slot, task.unit
        with suppress(BrokenPipeError):  # it died while it was idle: `news` will tell
            self.connection.send(task)

    def news(self) -> list[Ended]:
        """Show what it has said; its unit, if that has ended."""
        try:
            while self.connection.poll():
                event: Any = self.connection.recv()
                if event is None or isinstance(event, Failure):
                    return self._end(event.error() if event else None)
                self.shown.show(event)
        except (EOFError, ConnectionResetError):
            return self._end(self._death())
        return []

    def join(self, seconds: float) -> None:
        """Wait for its end, and force it after some seconds."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.connection.close()
        self.shown.close()

    def _end(self, error: Exception | None) -> list[Ended]:
        unit, self.unit = self.unit, None
        self.shown.close()
        return [(unit, error)] if unit else []

    def _death(self) -> InputError | None:
        code = self.process.wait()
        if self.unit is None:
            return None
        cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        hint = "; was there too little memory?" if code == -signal.SIGKILL else ""
        return InputError(f"{self.unit.label}: its process ended with {cause}{hint} (log: {self.unit.log})")


@EXECUTORS.register("process")
class ProcessExecutor:
    """Long-lived workers: independent stages side by side, shards spread over them."""

    def __init__(self, config: ExecutorConfig, logs: Path, plugins: Sequence[str] = ()) -> None:
        """Start nothing yet."""
        self.config, self.plugins = config, tuple(plugins)
        self.machine = Machine(config)
        self.workers: list[Worker] = []

    def start(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Start those that there is room for, the first ones first; a smaller one may go before a large one."""
        return [unit for unit in units if self._start(unit)]

    def wait(self) -> Sequence[Ended]:
        """Show what the workers say; those of their units that have ended."""
        wait([worker.connection for worker in self.workers], WAIT_SECONDS)
        ended = []
        for worker in list(self.workers):
            slot = worker.slot
            for unit, error in worker.news():
                self.machine.give_back(slot)
                ended.append((unit, error))
            if worker.process.poll() is not None:
                self.workers.remove(worker)
        return ended

    def stop(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.join(STOP_SECONDS)
        self.workers.clear()

    def _start(self, unit: Unit) -> bool:
        grant = self.config.resources(unit.job.stage)
        if grant.nodes > 1:
            raise InputError(
                f"executor.stages: {unit.job.stage.name} asks for nodes={grant.nodes}; that takes executor=slurm"
            )
        slot = self.machine.take(grant)
        if slot is None:
            return False
        idle = next((worker for worker in self.workers if worker.fits(slot)), None)
        worker = idle or self._hire(slot, grant.processes)
        worker.run(Task(unit, self.plugins, Path.cwd(), grant.processes), slot)
        return True

    def _hire(self, slot: Slot, processes: int) -> Worker:
        """A new worker; idle ones that hold its accelerators, or are more than there are cores, go."""
        for worker in [worker for worker in self.workers if worker.unit is None]:
            if len(self.workers) >= self.machine.cores or set(worker.slot.accelerators) & set(slot.accelerators):
                worker.process.terminate()
                worker.join(STOP_SECONDS)
                self.workers.remove(worker)
        self.workers.append(Worker(slot, self.machine.environment(slot, processes)))
        return self.workers[-1]
