"""`runs/<name>/promoted.json`: what a run ships, what it shipped before, and what was withdrawn."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.lock import locked
from parley.pipeline.progress import say

POINTER: Final = "promoted.json"
MODELS: Final = ("teacher", "student", "qe")  # each gets a card


@dataclass(frozen=True)
class Promotion:
    """A report that was promoted, and with it the models that it is about.

    Attributes:
        report: its fingerprint.
        name: of the run.
        system: that is shipped.
        stages: fingerprint of each stage that the report was made of.
        promoted: UTC time, ISO 8601.
        mean: leading metric of that system over all directions; None where nothing is translated.
    """

    report: str
    name: str = ""
    system: str = ""
    stages: Mapping[str, str] = field(default_factory=dict)
    promoted: str = ""
    mean: float | None = None

    @property
    def models(self) -> dict[str, str]:
        """The stage of each model: `teacher` (the last of it and its rounds), `student`, `qe`."""
        found = {"teacher" if name.startswith("round_") else name: name for name in self.stages}
        return {kind: found[kind] for kind in MODELS if kind in found}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Promotion":
        """From what stands in the file; other keys are left aside."""
        found = {known.name: values[known.name] for known in fields(cls) if known.name in values}
        assert isinstance(found["report"], str)
        stages = {str(stage): str(fingerprint) for stage, fingerprint in found.get("stages", {}).items()}
        return cls(**found | {"stages": stages})


@dataclass(frozen=True)
class Withdrawal:
    """A report that a rollback withdrew: it is promoted by hand alone.

    Attributes:
        withdrawn: UTC time, ISO 8601.
    """

    report: str
    withdrawn: str
    reason: str


@dataclass(frozen=True)
class Promotions:
    """The state of a run.

    Attributes:
        now: what is promoted.
        history: what was before, oldest first; what was withdrawn is not among them.
        withdrawn: in the order in which it was.
    """

    now: Promotion
    history: tuple[Promotion, ...] = ()
    withdrawn: tuple[Withdrawal, ...] = ()

    def withdrawal(self, report: str) -> Withdrawal | None:
        """Why a report is not to be promoted; None where nothing is known against it."""
        return next((each for each in self.withdrawn if each.report == report), None)

    def followed_by(self, new: Promotion) -> "Promotions":
        """With a new promotion; when it was withdrawn before, it is no more."""
        kept = tuple(each for each in self.withdrawn if each.report != new.report)
        return Promotions(new, (*self.history, self.now), kept)

    def without(self, withdrawal: Withdrawal) -> "Promotions":
        """Back to the promotion before."""
        return Promotions(self.history[-1], self.history[:-1], (*self.withdrawn, withdrawal))

    def compared_with(self, report: str) -> list[Promotion]:
        """What a report is held against: the last promoted, and the best so far where that is another.

        A report that is promoted itself is held against those before, so that judging it again changes nothing.
        """
        line = [*self.history, self.now][: -1 if self.now.report == report else None]
        if not line:
            return []
        best = max(reversed(line), key=lambda each: float("-inf") if each.mean is None else each.mean)
        return [line[-1]] if best.report in (line[-1].report, report) else [line[-1], best]


def read_promotions(run_dir: Path) -> Promotions | None:
    """The state of a run; None where nothing is promoted.

    Raises:
        InputError: the file is not readable.
    """
    path = run_dir / POINTER
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        history = found.get("history", [])
        withdrawn = tuple(Withdrawal(**each) for each in found.get("withdrawn", []))
        return Promotions(Promotion.of(found), tuple(map(Promotion.of, history)), withdrawn)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise InputError(f"{path}: not a promotion ({error}); remove the file to begin anew") from error


def write_promotions(run_dir: Path, promotions: Promotions) -> None:
    """Write the state, whole or not at all: what is promoted at the top, beside `history` and `withdrawn`."""
    others = {"history": list(map(asdict, promotions.history)), "withdrawn": list(map(asdict, promotions.withdrawn))}
    write_json(run_dir / POINTER, asdict(promotions.now) | others)


@contextmanager
def changing(run_dir: Path) -> Iterator[None]:
    """Nobody else changes the state during the block."""
    waiting = f"{run_dir.name}: another process changes what is promoted; waiting"
    with locked(run_dir / "promoted.lock", on_wait=lambda: say(waiting)):
        yield
