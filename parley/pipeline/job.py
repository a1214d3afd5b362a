"""One stage of a run and the folder that it fills. Executors call `run` and `run_shard`, here or on another machine."""

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from parley.pipeline.atomic import flush, raise_if_full, raise_if_refused, remove, remove_drafts, replacing, write_text
from parley.pipeline.contents import check_contents, content_digests
from parley.pipeline.errors import InputError
from parley.pipeline.fingerprint import LIBRARY, Digests, check_unchanged
from parley.pipeline.lock import locked
from parley.pipeline.manifest import LOG, Manifest, write_manifest
from parley.pipeline.manifest import NAME as MANIFEST
from parley.pipeline.progress import say
from parley.pipeline.registry import RunRegistry, bookkeeping, now
from parley.pipeline.shards import FOLDER, remove_shards, run_one_shard, run_shards, shard_log
from parley.pipeline.stage import Shard, Stage
from parley.pipeline.stage_log import logged_to

PUBLISHED: Final = ".published"  # fingerprint of what is published whole; written last
POLL_SECONDS: Final = 0.5


@dataclass(frozen=True, eq=False)
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
    def is_written(self) -> bool:
        """Whether all that is left of the work is to give the folder its name."""
        return (self.partial / MANIFEST).is_file()

    @property
    def label(self) -> str:
        """Name and fingerprint, for messages."""
        return f"{self.stage.name} {self.folder.name}"

    @property
    def partial(self) -> Path:
        """The folder that the stage fills."""
        return self.folder.with_name(f"{self.folder.name}.partial")

    @property
    def registry(self) -> RunRegistry:
        """Of all runs beside this one."""
        return RunRegistry(self.folder.parents[2])

    def check_place(self) -> None:
        """Look whether the place of the finished stage is free.

        Raises:
            InputError: a folder without manifest is there.
        """
        if self.folder.is_dir() and any(self.folder.iterdir()) and not self.done:
            raise InputError(
                f"{self.folder} has no {MANIFEST}, so it is not whole: was it copied or removed by halves? "
                "Copy it again, or remove it, and run again"
            )

    def check_inputs(self) -> None:
        """Look whether the input stages still hold what they wrote.

        Raises:
            InputError: one does not.
        """
        for folder in self.inputs.values():
            check_contents(folder)

    def log(self, shard: Shard | None = None) -> Path:
        """The log of the stage, or of one of its shards."""
        return shard_log(shard, self.partial) if shard else self.partial / LOG

    def run(self, spent: float = 0.0) -> None:
        """Run the stage, unless its folder is whole; of its shards, if it has any, those that are missing.

        Args:
            spent: seconds of this attempt before; counted in the manifest.

        Raises:
            InputError: bad input or a full disk. What the stage wrote is removed, but for whole shards; all of it stays
                when the stage `keeps_work`.
        """
        if rank() != 0:
            self._follow()
            return
        waiting = f"{self.label}: another process is on it; waiting"
        with locked(self.partial.with_name(f"{self.partial.name}.lock"), on_wait=lambda: say(waiting)):
            if not self.done:
                self._fill(spent)

    def run_shard(self, shard: Shard) -> None:
        """Run one shard unless it is there.

        Raises:
            InputError: bad input or a full disk; names stage, shard and log. Other shards are left alone.
        """
        log = self.log(shard)
        try:
            with locked(log.with_name(f".{shard.name}.lock")), logged_to(log, self.stage.config):
                self.check_inputs()
                run_one_shard(self.stage, shard, self.partial, self.inputs, self._check_files)
        except InputError as error:
            raise InputError(f"stage {self.stage.name}, shard {shard.name}: {error} (log: {log})") from error
        except Exception as error:
            error.add_note(f"stage {self.stage.name}, shard {shard.name} (log: {log})")
            raise

    @property
    def is_published(self) -> bool:
        """Whether all that people look at lies above the finished stage, and is of this stage."""
        names = self.stage.published
        mark = self.folder.parent / PUBLISHED
        whole = all((self.folder.parent / name).exists() for name in names)
        return not names or (whole and mark.is_file() and mark.read_text(encoding="utf-8") == self.folder.name)

    def publish(self) -> None:
        """Copy what people look at from the finished stage to the folder above it."""
        if not self.stage.published:
            return
        check_contents(self.folder)
        with locked(self.folder.with_name("publish.lock")):
            remove_drafts(self.folder.parent)
            remove(self.folder.parent / PUBLISHED)
            for name in self.stage.published:
                with replacing(self.folder.parent / name) as temporary:
                    source = self.folder / name
                    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, temporary)
            write_text(self.folder.parent / PUBLISHED, self.folder.name)

    def _fill(self, spent: float) -> None:
        started = time.monotonic()
        try:
            if not self.is_written:
                with logged_to(self.log(), self.stage.config):
                    self.check_inputs()
                    self._gather_logs()
                    facts = self._work()
                    self._check_files()
                self._write_manifest(facts, round(spent + time.monotonic() - started, 3))
            remove_shards(self.partial)
            flush(self.partial)
            os.replace(self.partial, self.folder)
        except Exception as error:
            if not self.stage.keeps_work:
                self._clean()
            raise_if_refused(error)
            raise_if_full(error, self.partial)
            raise

    def _work(self) -> dict[str, Any]:
        if self.stage.shards(self.inputs):
            return run_shards(self.stage, self.partial, self.inputs)
        return self.stage.run(self.partial, self.inputs)

    def _check_files(self) -> None:
        """Look whether the outside files are still those that the fingerprint counts."""
        check_unchanged(self.digests, Digests(self.folder.parents[2] / LIBRARY))

    def _gather_logs(self) -> None:
        """Put what the shards logged into the stage's log."""
        for log in sorted((self.partial / FOLDER).glob("*.log")):
            with self.log().open("ab") as file:
                file.write(log.read_bytes())
            log.unlink()

    def _write_manifest(self, facts: dict[str, Any], seconds: float) -> None:
        """Say what the stage wrote, once all of that is on the disk."""
        remove_drafts(self.partial, "**/*")
        attempts = []
        with bookkeeping():
            attempts = self.registry.attempts(self.folder.parents[1].name, self.stage.name)
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
            contents=content_digests(self.partial),
        )
        flush(self.partial)
        write_manifest(self.partial, manifest)

    def _clean(self) -> None:
        """Remove what was written, but for whole shards and, beside them, the log."""
        if not (self.partial / FOLDER).exists():
            remove(self.partial)
            return
        for path in self.partial.iterdir():
            if path.name not in (FOLDER, LOG):
                remove(path)

    def _follow(self) -> None:
        """What the other processes of a `torchrun` launch do: help when the stage is distributed, then wait."""
        if self.stage.distributed and not self.done:
            while not (self.partial.exists() or self.done):
                time.sleep(POLL_SECONDS)
            if not (self.done or self.is_written):
                self.stage.run(self.partial, self.inputs)
        while not self.done:  # when the first process fails, the launcher ends this one
            time.sleep(POLL_SECONDS)


def launched() -> int:
    """How many processes a launch has: 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Number of this process among those of a launch (`torchrun`, SLURM tasks), from 0."""
    return int(os.environ.get("RANK", "0"))
