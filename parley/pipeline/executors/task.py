"""A unit of work as it is sent to another process."""

import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from parley.pipeline.errors import InputError
from parley.pipeline.unit import Failure, StageError, Unit


@dataclass(frozen=True)
class UnitTask:
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
        try:
            self._run()
        except InputError as error:
            return Failure(str(error))
        except StageError as error:  # of a gang
            return error.failure
        except Exception as error:
            line = " ".join(f"{self.unit.label}: {type(error).__name__}: {error}".split())
            return Failure(line, traceback.format_exc())
        return None

    def _run(self) -> None:
        os.chdir(self.folder)
        if self.processes > 1:
            from parley.pipeline.executors.gang import run_gang

            return run_gang(replace(self, processes=1), self.processes)
        for name in self.plugins:
            import_module(name)
        return self.unit.run()
