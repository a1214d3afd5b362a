"""A stage under way: its lock, its row in the registry, and what is left of its work."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Final

from parley.pipeline.job import Job
from parley.pipeline.lock import locked
from parley.pipeline.progress import ProgressBar, say
from parley.pipeline.registry import State, bookkeeping, lock_path
from parley.pipeline.secrets import hidden, secrets_of
from parley.pipeline.shards import missing_shards
from parley.pipeline.stage import Shard
from parley.pipeline.unit import Unit

STOPPED: Final = "the run was stopped"


class Attempt:
    """One attempt at a stage, from its lock to its end.

    Attributes:
        running: units that an executor has.
        error: the first that one of them ended with.
    """

    def __init__(self, job: Job) -> None:
        """Take the stage's lock. Raises HeldError when another process has it."""
        self.job = job
        self.running = 0
        self.error: Exception | None = None
        self._started: float | None = None
        self._row: int | None = None
        self._held = ExitStack()
        self._held.enter_context(locked(lock_path(job.folder), wait=False))

    @property
    def seconds(self) -> float:
        """Since its first unit began."""
        return time.monotonic() - self._started if self._started else 0.0

    def begin(self) -> list[Unit]:
        """Note the attempt in the registry; returns the first units of its work."""
        shards = self._shards()
        missing = [] if self.job.is_written else missing_shards(shards, self.job.partial)
        self._left = {shard.name for shard in missing}
        self._bar = self._held.enter_context(ProgressBar(self.job.stage.name, len(shards)))
        self._bar.advance(len(shards) - len(missing))
        resumed = self.job.partial.exists()
        run, stage = self.job.folder.parents[1].name, self.job.stage.name
        with bookkeeping():
            self._row = self.job.registry.start(run, stage, self.job.folder.name)
        say(f"{self.job.label}: {'going on with the work of an earlier attempt' if resumed else 'running'}")
        return [Unit(self.job, shard) for shard in missing] or [Unit(self.job)]

    def started(self) -> None:
        """Count a unit that an executor has taken; the clock of the attempt runs from the first one."""
        self.running += 1
        self._started = self._started or time.monotonic()

    def ended(self, unit: Unit, error: Exception | None) -> list[Unit]:
        """Count a unit that ended; returns the merge after the last shard."""
        self.running -= 1
        self.error = self.error or error
        if unit.shard is None or error:
            return []
        self._left.remove(unit.shard.name)
        self._bar.advance()
        return [] if self._left or self.error else [Unit(self.job, spent=self.seconds)]

    def close(self, error: BaseException | None) -> None:
        """Note how the attempt ended, and free the stage."""
        if self._row is not None:
            line = " ".join(f"{type(error).__name__}: {error}".split()) if error else None
            line = hidden(line, secrets_of(asdict(self.job.stage.config))) if line else None
            with bookkeeping():
                self.job.registry.finish(self._row, _state(error), round(self.seconds, 3), line)
        if self._started and not error:
            say(f"{self.job.label}: done in {self.seconds:.1f} s")
        self._held.close()

    def _shards(self) -> Sequence[Shard]:
        """The shards, or what is wrong with the inputs that they are told from; units look at these themselves."""
        try:
            return self.job.stage.shards(self.job.inputs)
        except Exception:
            self.job.check_inputs()
            raise


def _state(error: BaseException | None) -> State:
    if error is None:
        return "done"
    return "failed" if isinstance(error, Exception) else "killed"  # Ctrl-C, or a signal turned into SystemExit
