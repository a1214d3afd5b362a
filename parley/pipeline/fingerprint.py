"""Fingerprints: what a stage's result depends on, as one short hash."""

import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.pipeline.stage import Stage

LENGTH: Final = 16  # hexadecimal digits: 64 bits, enough for every run there will be
LIBRARY: Final = "digests.sqlite"


class Digests:
    """Content digests of outside files, cached by path, size and modification time in a small SQLite file."""

    def __init__(self, cache: Path) -> None:
        """Open or make the cache file."""
        self.cache = cache

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
        key, state = str(path.resolve()), f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"
        with closing(self._open()) as database, database:
            found = database.execute("SELECT digest FROM digests WHERE path = ? AND state = ?", (key, state)).fetchone()
            if found:
                return str(found[0])
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            database.execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", (key, state, digest))
        return digest

    def _open(self) -> sqlite3.Connection:
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.cache, timeout=60)
        database.execute("CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, state TEXT, digest TEXT)")
        return database


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
