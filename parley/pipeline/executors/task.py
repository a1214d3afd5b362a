"""A unit of work as it is sent to another process."""

import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from parley.pipeline.errors import InputError
from parley.pipeline.unit import Failure, Unit


@dataclass(frozen=True)
class Task:
    """A unit as it is sent to another process, which it makes ready first.

    Attributes:
        plugins: modules that are imported, so that what they register is there.
        folder: the working directory, which relative paths of configs are under.
        processes: how many are started there to do it together.
    """

    unit: Unit
    plugins: Sequence[str]
    folder: Path
    processes: int = 1

    def __call__(self) -> Failure | None:
        """Do the work; says what went wrong."""
        from parley.pipeline.executors.gang import run_gang

        try:
            (partial(run_gang, self, self.processes) if self.processes > 1 else self.run)()
        except InputError as error:
            return Failure(str(error))
        except Exception as error:
            line = " ".join(f"{self.unit.label}: {type(error).__name__}: {error}".split())
            return Failure(line, traceback.format_exc())
        return None

    def run(self) -> None:
        """Do the work in this process. Raises what the stage raises."""
        os.chdir(self.folder)
        for name in self.plugins:
            import_module(name)
        self.unit.run()
