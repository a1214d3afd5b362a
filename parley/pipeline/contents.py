"""What a finished stage holds: digests of its files, kept in its manifest, and the check that they are still so."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import xxhash

from parley.pipeline.errors import InputError
from parley.pipeline.manifest import LOG, NAME, read_manifest
from parley.pipeline.shards import FOLDER

FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")


def content_digests(folder: Path) -> dict[str, str]:
    """XXH3 digest of every file below a folder, but for log, manifest and shards, by its path there.

    XXH3 finds accidents, at the speed of the disk; whoever can write into the folder can also write the manifest.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {str(path.relative_to(folder)): path for path in files}
    counted = {name: path for name, path in names.items() if name.partition("/")[0] not in (LOG, NAME, FOLDER)}
    return {name: file_digest(path) for name, path in counted.items()}


def check_contents(path: Path) -> None:
    """Look whether a finished stage, or a folder inside one, still holds what the stage wrote.

    A folder without manifest, and one whose manifest is older than digests, passes.

    Raises:
        InputError: a file is missing, unreadable or another; names it, its stage and the way out.
    """
    if (home := _home(path)) is None:
        return
    manifest = read_manifest(home)
    for name, digest in manifest.contents.items():
        file = home / name
        if file.is_relative_to(path) and (wrong := _wrong(file, digest)):
            raise InputError(
                f"{file} {wrong}: stage {manifest.stage} wrote something else; remove {home} and run the pipeline again"
            )


def _home(path: Path) -> Path | None:
    """The finished stage that a folder is, or lies in."""
    above = [parent for parent in path.parents[:2] if FINGERPRINT.fullmatch(parent.name)]
    return next((folder for folder in (path, *above) if (folder / NAME).is_file()), None)


def _wrong(file: Path, digest: str) -> str:
    try:
        return "" if file_digest(file) == digest else "is damaged"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def file_digest(path: Path) -> str:
    """XXH3 digest; a file that did not change is read once in a process. (Nobody can set its change time.)"""
    stat = path.stat()
    return _digest_of(path, (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))


@lru_cache(maxsize=1 << 17)
def _digest_of(path: Path, state: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()
