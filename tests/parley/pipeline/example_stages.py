"""Small real stages, importable from other processes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from parley.pipeline.errors import InputError
from parley.pipeline.stage import Stage, transient


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
