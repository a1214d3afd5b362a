"""A unit of work: a stage, or one of its shards. It is what executors run, here or on another machine."""

from dataclasses import dataclass
from pathlib import Path

from parley.pipeline.errors import InputError
from parley.pipeline.job import Job
from parley.pipeline.stage import Shard


@dataclass(frozen=True, eq=False)
class Unit:
    """A stage, or one of its shards.

    Attributes:
        shard: None for the stage as a whole, or for the merge once all its shards are there.
        spent: seconds that the shards took before a merge.
    """

    job: Job
    shard: Shard | None = None
    spent: float = 0.0

    @property
    def label(self) -> str:
        """Its name, for messages."""
        return f"stage {self.job.stage.name}" + (f", shard {self.shard.name}" if self.shard else "")

    @property
    def log(self) -> Path:
        """Where its work is logged."""
        return self.job.log(self.shard)

    def run(self) -> None:
        """Do the work in this process, unless it is done.

        Raises:
            InputError: bad input or a full disk.
        """
        if self.shard is None:
            self.job.run(self.spent)
        else:
            self.job.run_shard(self.shard)


@dataclass(frozen=True)
class Failure:
    """Why a unit failed, in a form that can be sent.

    Attributes:
        message: one line.
        traceback: of a bug; empty for the user's mistakes.
    """

    message: str
    traceback: str = ""

    def error(self) -> Exception:
        """As an exception of the process that waits."""
        return StageError(self) if self.traceback else InputError(self.message)


class StageError(RuntimeError):
    """A bug in a stage that ran in another process; the text has its traceback."""

    def __init__(self, failure: Failure) -> None:
        """Keep what that process said."""
        super().__init__(f"{failure.message}\n{failure.traceback}")
        self.failure = failure
