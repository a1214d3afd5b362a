"""One stage, run to its end: lock, attempt, manifest, rename. Executors call this, here or on another machine."""

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from parley.pipeline.atomic import raise_if_full, remove, replacing
from parley.pipeline.lock import locked
from parley.pipeline.manifest import NAME as MANIFEST
from parley.pipeline.manifest import Manifest, write_manifest
from parley.pipeline.progress import say
from parley.pipeline.registry import Registry, lock_path, now
from parley.pipeline.stage import Stage

LOG: Final = "stage.log"
PACKAGES: Final = ("parley", "training", "backtranslation", "distillation", "qe_model", "eval")
POLL_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Job:
    """A stage with everything that its run needs; can be sent to another process.

    Attributes:
        folder: where the finished stage will be, `runs/<run>/<stage>/<fingerprint>`.
        inputs: finished folders of the input stages.
        digests: content digest of each outside file.
    """

    stage: Stage[Any]
    folder: Path
    inputs: Mapping[str, Path]
    digests: Mapping[str, str]

    @property
    def done(self) -> bool:
        """Whether the finished stage is there."""
        return (self.folder / MANIFEST).is_file()

    @property
    def partial(self) -> Path:
        """The folder that the stage fills."""
        return self.folder.with_name(f"{self.folder.name}.partial")

    def last_error(self) -> str:
        """What the registry says of the last attempt."""
        attempts = Registry(self.folder.parents[2]).attempts(self.folder.parents[1].name, self.stage.name)
        return next((attempt.error for attempt in reversed(attempts) if attempt.error), "ended without a word")

    def run(self) -> None:
        """Run the stage unless its folder is whole already.

        Raises:
            InputError: bad input or a full disk. What the stage wrote is removed unless it `keeps_work`.
        """
        if _rank() != 0:
            self._follow()
            return
        label = f"{self.stage.name} {self.folder.name}"
        try:
            with locked(lock_path(self.folder), on_wait=lambda: say(f"{label}: another process is on it; waiting")):
                if not self.done:
                    self._attempt(label)
        except Exception as error:
            raise_if_full(error, self.partial)
            raise

    def _attempt(self, label: str) -> None:
        registry = Registry(self.folder.parents[2])
        attempt = registry.start(self.folder.parents[1].name, self.stage.name, self.folder.name)
        resumed = self.partial.exists()
        started = time.monotonic()
        try:
            with _logged_to(self.partial):
                say(f"{label}: going on with the work of an earlier attempt" if resumed else f"{label}: running")
                facts = self.stage.run(self.partial, self.inputs)
            seconds = round(time.monotonic() - started, 3)
            self._finish(facts, seconds, registry)
        except BaseException as error:
            killed = not isinstance(error, Exception)  # Ctrl-C, or a signal turned into SystemExit
            if not killed and not self.stage.keeps_work:
                remove(self.partial)
            line = " ".join(f"{type(error).__name__}: {error}".split())
            with suppress(sqlite3.Error):  # a full disk: the error itself is what must be told
                registry.finish(attempt, "killed" if killed else "failed", time.monotonic() - started, line)
            raise
        registry.finish(attempt, "done", seconds)
        say(f"{label}: done in {seconds:.1f} s")

    def _finish(self, facts: dict[str, Any], seconds: float, registry: Registry) -> None:
        attempts = registry.attempts(self.folder.parents[1].name, self.stage.name)
        manifest = Manifest(
            stage=self.stage.name,
            version=self.stage.version,
            fingerprint=self.folder.name,
            config=asdict(self.stage.config),
            inputs={name: path.name for name, path in self.inputs.items()},
            files=self.digests,
            facts=facts,
            seconds=seconds,
            attempts=sum(attempt.fingerprint == self.folder.name for attempt in attempts),
            finished=now(),
        )
        write_manifest(self.partial, manifest)
        os.replace(self.partial, self.folder)

    def publish(self) -> None:
        """Copy what people look at from the finished stage to the folder above it."""
        for name in self.stage.published:
            with replacing(self.folder.parent / name) as temporary:
                source = self.folder / name
                (shutil.copytree if source.is_dir() else shutil.copyfile)(source, temporary)

    def _follow(self) -> None:
        """What the other processes of a `torchrun` launch do: help when the stage is distributed, then wait."""
        if self.stage.distributed and not self.done:
            while not (self.partial.exists() or self.done):
                time.sleep(POLL_SECONDS)
            if not self.done:
                self.stage.run(self.partial, self.inputs)
        while not self.done:  # when the first process fails, the launcher ends this one
            time.sleep(POLL_SECONDS)


@contextmanager
def _logged_to(folder: Path) -> Iterator[None]:
    """Append what is logged meanwhile to the stage's log."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(folder / LOG, delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    for package in PACKAGES:  # other libraries only where they warn
        logging.getLogger(package).setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """A log line that cannot be written must not hide the error that the stage will report."""


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))
