"""A worker: a process of this machine that runs one task at a time, shows what it says, and dies with this one."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import Pipe
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.pipeline.executors.executor import Ended
from parley.pipeline.executors.task import UnitTask
from parley.pipeline.progress import Shown
from parley.pipeline.unit import Failure, Unit

STOP_SECONDS: Final = 5.0  # for a stopped worker to tidy up


class Worker:
    """One process.

    Attributes:
        unit: what it is at; None while it is idle.
        connection: readable when there is news.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it, with variables of its own."""
        self.unit: Unit | None = None
        self.connection, theirs = Pipe()
        self._shown = Shown()
        command = [sys.executable, "-m", "parley.pipeline.executors.serving", str(theirs.fileno()), str(os.getpid())]
        self.process = subprocess.Popen(
            command,
            env={**environment, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C reaches this process alone, which ends its workers
        )
        theirs.close()

    def run(self, task: UnitTask) -> None:
        """Begin a task."""
        self.unit = task.unit
        with suppress(BrokenPipeError):  # it died while it was idle: `news` will tell
            self.connection.send(task)

    def news(self) -> list[Ended]:
        """Show what it has said; its unit, if that has ended."""
        try:
            while self.connection.poll():
                event: Any = self.connection.recv()
                if event is None or isinstance(event, Failure):
                    return self._end(event.error() if event else None)
                self._shown.show(event)
        except (EOFError, ConnectionResetError):
            return self._end(self._death())
        return []

    def end(self) -> None:
        """Ask it to end: an idle one has nothing to tidy up."""
        self.process.terminate() if self.unit else self.process.kill()

    def join(self) -> None:
        """Wait for its end, and force it when it takes long."""
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.connection.close()
        self._shown.close()

    def _end(self, error: Exception | None) -> list[Ended]:
        unit, self.unit = self.unit, None
        self._shown.close()
        return [(unit, error)] if unit else []

    def _death(self) -> InputError | None:
        code = self.process.wait()
        if self.unit is None:
            return None
        cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        hint = "; was there too little memory?" if code == -signal.SIGKILL else ""
        return InputError(f"{self.unit.label}: its process ended with {cause}{hint} (log: {self.unit.log})")
