"""Fingerprints: what a stage's result depends on, as one short hash."""

import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from parley.pipeline.atomic import remove
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from parley.pipeline.stage import Stage

LENGTH: Final = 16  # hexadecimal digits: 64 bits, enough for every run there will be
LIBRARY: Final = "digests.sqlite"
WAIT_SECONDS: Final = 20.0  # for another process that writes
_known: Final[dict[tuple[str, str], str]] = {}  # of this process, by path and state


class Digests:
    """Content digests of outside files, cached by path, size, times and inode in a small SQLite file.

    Where that cannot be used, this is said once and the files are read; one that is damaged is made anew.
    """

    def __init__(self, cache: Path) -> None:
        """Use the cache file; it is made with the first digest."""
        self.cache: Path | None = cache

    def of(self, path: Path) -> str:
        """SHA-256 of a file's content, or of the names and contents in a folder.

        Raises:
            InputError: missing or unreadable.
        """
        try:
            if path.is_dir():
                parts = [(str(p.relative_to(path)), self._file(p)) for p in sorted(path.rglob("*")) if p.is_file()]
                return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
            return self._file(path)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error

    def _file(self, path: Path) -> str:
        stat = path.stat()
        key = str(path.resolve())
        state = f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"
        if (key, state) not in _known:
            found = self._query("SELECT digest FROM digests WHERE path = ? AND state = ?", key, state)
            _known[key, state] = found or _read(path)
            if not found:
                self._query("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", key, state, _known[key, state])
        return _known[key, state]

    def _query(self, sql: str, *values: str) -> str | None:
        """The first value of the answer; None where there is none, or no cache."""
        if self.cache is None:
            return None
        try:
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.cache, timeout=WAIT_SECONDS)) as database, database:
                database.execute("CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, state TEXT, digest TEXT)")
                found = database.execute(sql, values).fetchone()
            return str(found[0]) if found else None
        except (sqlite3.Error, OSError) as error:
            self._give_up(self.cache, error)
            return None

    def _give_up(self, cache: Path, error: Exception) -> None:
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        way_out = "it is made anew" if damaged else "files are read again"
        say(f"cannot use the digests in {cache}: {error}; {way_out}")
        self.cache = None
        if damaged:
            remove(cache)


def check_unchanged(files: Mapping[str, str], digests: Digests) -> None:
    """Look whether outside files still are what the fingerprint counts.

    Args:
        files: content digest by path.

    Raises:
        InputError: one is not.
    """
    for path, digest in files.items():
        if digests.of(Path(path)) != digest:
            raise InputError(f"{path} changed while it was read; run again")


def fingerprints(stages: Iterable[Stage[Any]], digests: Digests) -> dict[Stage[Any], str]:
    """Fingerprint of every stage and of all that they read."""
    known: dict[Stage[Any], str] = {}
    for stage in stages:
        _add(stage, digests, known)
    return known


def lasting(value: Any) -> Any:
    """A config as plain JSON values, without transient fields and added ones that have their default."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = [field for field in dataclasses.fields(value) if not _left_out(field, getattr(value, field.name))]
        return {field.name: lasting(getattr(value, field.name)) for field in kept}
    if isinstance(value, Mapping):
        return {str(key): lasting(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [lasting(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _left_out(field: "dataclasses.Field[Any]", value: Any) -> bool:
    return bool(field.metadata.get("transient")) or ("added" in field.metadata and value == field.metadata["added"])


def _add(stage: Stage[Any], digests: Digests, known: dict[Stage[Any], str]) -> str:
    if stage not in known:
        facts = {
            "name": stage.name,
            "version": stage.version,
            "config": lasting(stage.config),
            "inputs": {name: _add(source, digests, known) for name, source in stage.inputs.items()},
            "files": [digests.of(path) for path in stage.files()],
        }
        text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
        known[stage] = hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
    return known[stage]
