"""Locks between processes, freed by the system when their holder dies."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from parley.pipeline.atomic import raise_if_full
from parley.pipeline.errors import InputError

PROBES: Final = 3  # `is_held` holds a lock for a moment: look again before believing it
PROBE_SECONDS: Final = 0.05


class HeldError(Exception):
    """Another process holds the lock."""


@contextmanager
def locked(path: Path, wait: bool = True, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file `path` during the block; the file is removed afterwards.

    Args:
        wait: wait for another holder; otherwise raise at once.
        on_wait: called once before waiting.

    Raises:
        HeldError: another process holds it and `wait` is false.
        InputError: the folder cannot be written to.
    """
    descriptor = _acquire(path, wait, on_wait)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # still held, so nobody can have taken the name in the meantime
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    if not path.exists():
        return False
    try:
        with locked(path, wait=False):
            return False
    except HeldError:
        return True


def _acquire(path: Path, wait: bool, on_wait: Callable[[], None]) -> int:
    while True:
        descriptor = _opened(path)
        try:
            _flock(descriptor, wait, on_wait)
        except BaseException:
            os.close(descriptor)
            raise
        if _names(path, descriptor):
            return descriptor
        os.close(descriptor)  # its holder removed the file while we waited: take the new one


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise_if_full(error, path)
        raise InputError(f"cannot write to {path.parent}: {error.strerror}") from error


def _flock(descriptor: int, wait: bool, on_wait: Callable[[], None]) -> None:
    for _ in range(PROBES):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PROBE_SECONDS)
    if not wait:
        raise HeldError
    on_wait()
    return fcntl.flock(descriptor, fcntl.LOCK_EX)


def _names(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
