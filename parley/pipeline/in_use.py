"""Who is at work in the folder of a run: any number of runs, or one process that prunes it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from platform import node
from typing import Final

from parley.pipeline.lock import HeldError, is_held, locked
from parley.pipeline.progress import say

PRUNING: Final = "prune.lock"


@contextmanager
def in_use(run_dir: Path) -> Iterator[None]:
    """Keep the run from being pruned during the block; waits for a pruning that is under way."""
    with locked(run_dir / f"run.{node()}.{os.getpid()}.lock"):
        with locked(run_dir / PRUNING, on_wait=lambda: say(f"{run_dir.name}: it is being pruned; waiting")):
            pass
        yield


@contextmanager
def alone(run_dir: Path) -> Iterator[None]:
    """Nobody else is at work in the run during the block.

    Raises:
        HeldError: somebody is.
    """
    with locked(run_dir / PRUNING, wait=False):
        locks = [*run_dir.glob("*.lock"), *run_dir.glob("*/*.lock")]
        if any(path.name != PRUNING and is_held(path) for path in locks):
            raise HeldError
        yield
