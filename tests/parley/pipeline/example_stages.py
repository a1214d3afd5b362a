"""Small real stages, importable from other processes."""

import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from parley.pipeline.errors import InputError
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import Needs, Shard, Stage, transient


@dataclass(frozen=True)
class Part:
    width: int = 2
    workers: int = transient(1)


@dataclass(frozen=True)
class CountConfig:
    """Counts up to `steps`, one file a step, `delay` seconds each."""

    steps: int = 3
    delay: float = transient(0.0)
    fail_at: int = transient(-1)
    error: str = transient("input")
    source: str = transient("")
    part: Part = Part()
    parts: list[Part] = field(default_factory=list)


class Count(Stage[CountConfig]):
    name = "count"
    published: ClassVar[tuple[str, ...]] = ("shown.txt",)

    def files(self) -> Sequence[Path]:
        return [Path(self.config.source)] if self.config.source else []

    def check(self) -> None:
        if self.config.steps < 0:
            raise InputError(f"steps={self.config.steps} is negative")

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        found = len(list(out.glob("step-*")))
        for step in range(found, self.config.steps):
            if step == self.config.fail_at:
                self._fail(out)
            time.sleep(self.config.delay)
            (out / f"step-{step}").write_text(str(time.time_ns()))
        (out / "shown.txt").write_text(f"{self.config.steps} steps")
        return {"resumed_at": found, "steps": self.config.steps}

    def _fail(self, out: Path) -> None:
        if self.config.error == "input":
            raise InputError("row 3 of words.tsv is not valid UTF-8")
        if self.config.error == "full disk":
            with Path("/dev/full").open("w") as file:  # every write to it fails as on a full disk
                file.write("x" * 100_000)
        raise RuntimeError("a bug")


class KeepingCount(Count):
    name = "keeping"
    keeps_work: ClassVar[bool] = True


class Join(Stage[Part]):
    name = "join"

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        text = " ".join(f"{name}={len(list(path.glob('step-*')))}" for name, path in sorted(inputs.items()))
        (out / "joined.txt").write_text(text)
        return {"joined": text}


@dataclass(frozen=True)
class SquaresConfig:
    """Squares of the numbers below `count`, in shards of two; `trouble` befalls the shard that `at` is in, once.

    `marks` is a folder: who did what when is noted there.
    """

    count: int = 6
    delay: float = transient(0.0)
    trouble: Literal["none", "mistake", "bug", "killed", "merge", "disk"] = transient("none")
    at: int = transient(2)
    marks: str = transient("")


class Squares(Stage[SquaresConfig]):
    name = "squares"
    version = 2

    def shards(self, inputs: Mapping[str, Path]) -> list[Shard]:
        return [Shard(f"{start:04d}", {"start": start}) for start in range(0, self.config.count, 2)]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        start, marks = shard.task["start"], Path(self.config.marks)
        number = len(list(marks.glob(f"{shard.name}-*"))) if self.config.marks else 0
        if self.config.marks:
            begun = {"pid": os.getpid(), "parent": os.getppid(), "threads": os.environ.get("OMP_NUM_THREADS")}
            (marks / f"{shard.name}-{number}").write_text(json.dumps(begun))
        (out / "half.txt").write_text("half")
        time.sleep(self.config.delay)
        if start == self.config.at and number == 0:
            self._get_into_trouble()
        (out / "half.txt").unlink()
        (out / "squares.txt").write_text("".join(f"{n * n}\n" for n in range(start, start + 2)))

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        if self.config.trouble == "disk":
            with Path("/dev/full").open("w") as file:
                file.write("x" * 100_000)
        if self.config.trouble == "merge":
            (out / "squares.txt").write_text("half")
            raise RuntimeError("a bug of the merge")
        texts = [(folder / "squares.txt").read_text() for folder in shard_folders(out)]
        (out / "squares.txt").write_text("".join(texts))
        return {"shards": len(texts)}

    def _get_into_trouble(self) -> None:
        if self.config.trouble == "mistake":
            raise InputError("row 3 of words.tsv is not valid UTF-8")
        if self.config.trouble == "bug":
            raise RuntimeError("a bug of a shard")
        if self.config.trouble == "killed":
            os.kill(os.getpid(), signal.SIGKILL)


class Hungry(Squares):
    name = "hungry"
    needs = Needs(cores=0)


class Gang(Stage[Part]):
    """Every process of a launch writes its number."""

    name = "gang"
    distributed: ClassVar[bool] = True

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        if self.config.width == 0 and os.environ["RANK"] == "0":
            raise InputError("width is 0")
        (out / f"rank-{os.environ['RANK']}-of-{os.environ['WORLD_SIZE']}").touch()
        while len(list(out.glob("rank-*"))) < int(os.environ["WORLD_SIZE"]):
            time.sleep(0.05)
        return {}
