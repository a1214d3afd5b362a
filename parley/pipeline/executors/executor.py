"""What an executor is, and the registry of those there are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from parley.pipeline.executors.config import ExecutorConfig
from parley.pipeline.unit import Unit
from parley.registry import Registry

Ended = tuple[Unit, Exception | None]


class Executor(Protocol):
    """Runs units of work, several at a time where it can."""

    def start(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Start those that there is room for, the first ones first; returns them."""

    def wait(self) -> Sequence[Ended]:
        """Wait a moment for units to end; returns those that did, each with what went wrong."""

    def stop(self) -> None:
        """End whatever runs; when this returns nothing does. Can be called again, and before anything was started."""


class MakesExecutor(Protocol):
    """Makes an executor: its class."""

    def __call__(self, config: ExecutorConfig, logs: Path, plugins: Sequence[str]) -> Executor:
        """`logs`: a folder for job files; `plugins`: modules that every process imports first."""


EXECUTORS: Final = Registry[MakesExecutor]("executor", "parley.pipeline.executors")


def make_executor(config: ExecutorConfig, logs: Path, plugins: Sequence[str] = ()) -> Executor:
    """The executor that a config names. Raises InputError when it cannot be had here."""
    return EXECUTORS[config.kind](config, logs, plugins)
