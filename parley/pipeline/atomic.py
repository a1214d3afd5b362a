"""Files and folders that are either absent or whole: written beside their place, then renamed into it."""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError

DRAFT: Final = re.compile(r"\..+\.\d+\.tmp")
FULL: Final = ("No space left on device", "Disk quota exceeded", "disk is full", "requested and")  # the last: NumPy's


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder, and rename it to `path` when the block ends well.

    The block may make a file or a folder. Whatever it made is removed when it fails.

    Raises:
        InputError: the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # a draft; killed processes leave theirs
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        flush(temporary)
        if temporary.is_dir():
            discard(path, temporary)
        else:
            os.replace(temporary, path)
    except Exception as error:
        raise_if_full(error, path)
        raise
    finally:
        remove(temporary)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises InputError when the disk is full."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all. Raises InputError when the disk is full."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON whole or not at all; not-a-number is refused. Raises InputError when the disk is full."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_last(path: Path, value: Any) -> None:
    """Write JSON that says that its folder is whole, once all else in that is on the disk. Raises as `write_json`."""
    flush(path.parent)
    write_json(path, value)


def link_or_copy(path: Path, other: Path) -> None:
    """Give a file a second name without a second copy, where the file system can."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)


def remove(path: Path) -> None:
    """Remove a file or a folder, when it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def discard(folder: Path, successor: Path | None = None) -> None:
    """Remove a folder, when it is there, so that a kill leaves no half of it under its name; another may take that."""
    aside = folder.with_name(f".{folder.name}.old.{os.getpid()}.tmp")
    if folder.is_dir():
        os.replace(folder, aside)
    if successor:
        os.replace(successor, folder)
    remove(aside)


def remove_drafts(folder: Path, pattern: str = "*") -> None:
    """Remove what killed processes left half written in a folder, when nobody writes into it.

    Args:
        pattern: of paths in it; `**/*` for all that is below it.
    """
    for path in list(folder.glob(pattern)):
        if DRAFT.fullmatch(path.name):
            remove(path)


def raise_if_full(error: BaseException, path: Path) -> None:
    """Turn a full disk, however a library reports it, into one clear line.

    Raises:
        InputError: the error, or one that caused it, says that the disk is full.
    """
    cause: BaseException | None = error
    while cause is not None:
        number = getattr(cause, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT) or any(phrase in str(cause) for phrase in FULL):
            raise InputError(f"the disk is full: cannot write {path}; free some space and run again") from error
        cause = cause.__cause__ or cause.__context__


def raise_if_refused(error: BaseException) -> None:
    """Turn a place that is read-only or closed to this user into one clear line.

    Raises:
        InputError: the error says so.
    """
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        raise InputError(f"{error.strerror}: {error.filename or 'while writing'}") from error


def flush(path: Path) -> None:
    """Have a file, or a folder with all that is in it, on the disk: else a rename may outlive its data in a crash."""
    if path.is_dir():
        for inside in path.iterdir():
            flush(inside)
    elif not path.is_file():  # a broken link
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
