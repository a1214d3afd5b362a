"""The run registry: which stage of which run was started when, and how it ended. SQLite, one row per attempt."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from platform import node
from typing import Final, Literal

from parley.pipeline.errors import InputError
from parley.pipeline.lock import is_held
from parley.pipeline.progress import say

NAME: Final = "registry.sqlite"
WAIT_SECONDS: Final = 20.0  # for another process that writes
State = Literal["running", "done", "failed", "killed"]
TABLE: Final = """CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, stage TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL,
    started TEXT NOT NULL, seconds REAL, error TEXT, host TEXT, pid INTEGER)"""
COLUMNS: Final = "id, run, stage, fingerprint, state, started, seconds, error, host, pid"


@dataclass(frozen=True)
class AttemptRow:
    """One attempt at a stage.

    Attributes:
        started: UTC time, ISO 8601.
        seconds: wall clock; None while running, and after a kill.
        error: one line; None unless failed or killed.
    """

    id: int
    run: str
    stage: str
    fingerprint: str
    state: State
    started: str
    seconds: float | None
    error: str | None
    host: str
    pid: int


class RunRegistry:
    """The attempts under one runs folder. Safe for several processes.

    Every method raises InputError when the file cannot be used; work goes on without it inside `bookkeeping()`.
    """

    def __init__(self, runs_root: Path) -> None:
        """Use the registry of this folder; it is made with the first attempt."""
        self.root = runs_root
        self.path = runs_root / NAME

    def start(self, run: str, stage: str, fingerprint: str) -> int:
        """Note that an attempt begins; returns its id."""
        row = (run, stage, fingerprint, "running", now(), node(), os.getpid())
        with self._open() as database:
            sql = "INSERT INTO attempts (run, stage, fingerprint, state, started, host, pid) VALUES (?,?,?,?,?,?,?)"
            return int(database.execute(sql, row).lastrowid or 0)

    def finish(self, attempt: int, state: State, seconds: float | None, error: str | None = None) -> None:
        """Note how an attempt ended."""
        with self._open() as database:
            sql = "UPDATE attempts SET state = ?, seconds = ?, error = ? WHERE id = ?"
            database.execute(sql, (state, seconds, error, attempt))

    def attempts(self, run: str | None = None, stage: str | None = None) -> list[AttemptRow]:
        """Attempts in the order they began. Those that died without a word are marked as killed first."""
        if not self.path.exists():
            return []
        with self._open() as database:
            rows = database.execute(f"SELECT {COLUMNS} FROM attempts ORDER BY id").fetchall()
        found = [self._buried(AttemptRow(*row)) for row in rows]
        return [a for a in found if run in (None, a.run) and stage in (None, a.stage)]

    def _buried(self, attempt: AttemptRow) -> AttemptRow:
        """A `running` attempt whose lock nobody holds was killed."""
        lock = lock_path(self.root / attempt.run / attempt.stage / attempt.fingerprint)
        if attempt.state != "running" or is_held(lock):
            return attempt
        with self._open() as database:
            # It may have ended between our two looks: only a row that still says `running` is changed.
            sql = "UPDATE attempts SET state = 'killed', error = ? WHERE id = ? AND state = 'running'"
            database.execute(sql, ("the process was killed", attempt.id))
            row = database.execute(f"SELECT {COLUMNS} FROM attempts WHERE id = ?", (attempt.id,)).fetchone()
        return AttemptRow(*row)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS)) as database, database:
                database.execute(TABLE)
                yield database
        except sqlite3.OperationalError as error:  # locked, or no place to write
            raise InputError(f"cannot use the run registry {self.path}: {error}") from error
        except (sqlite3.Error, OSError) as error:
            raise InputError(
                f"cannot use the run registry {self.path}: {error}; remove it to begin a new one"
            ) from error


@contextmanager
def bookkeeping() -> Iterator[None]:
    """Bookkeeping never stops work: where the registry cannot be used, that is said once and the block ends."""
    try:
        yield
    except InputError as error:
        if not _told:
            _told.append(str(error))
            say(f"{error}; the work goes on, attempts are not noted")


_told: Final[list[str]] = []


def lock_path(folder: Path) -> Path:
    """The lock file of a stage folder `runs/<run>/<stage>/<fingerprint>`."""
    return folder.with_name(f"{folder.name}.lock")


def now() -> str:
    """UTC time to the second, ISO 8601."""
    return datetime.fromtimestamp(int(time.time()), UTC).isoformat()
