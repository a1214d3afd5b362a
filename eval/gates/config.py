"""Typed configuration of gates: which figures of the report must hold, and how comparisons are made."""

from dataclasses import dataclass, field
from typing import Final, Literal

from parley.metrics.significance import Correction
from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient

FIGURES: Final = ("mean", "worst", "gap", "size", "speed", "report", "promoted")
PROMOTED: Final = ("promoted.mean_loss", "promoted.worst_loss", "promoted.regressions")


@dataclass(frozen=True)
class ComparisonConfig:
    """How two evaluations are compared.

    Attributes:
        samples: bootstrap samples; with 240 tests p-values below 0.0002 must be possible, which takes 10,000 and more.
        seed: of the bootstrap.
        alpha: level of significance after the correction.
        correction: for testing all directions at once: holm, benjamini_hochberg or none.
        margin: chrF that a significant difference must exceed to count.
    """

    samples: int = 20_000
    seed: int = 1
    alpha: float = 0.05
    correction: Correction = "holm"
    margin: float = 0.0

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            InputError: a value out of range.
        """
        if self.samples < 100:
            raise InputError(f"gates.comparison.samples is {self.samples}; p-values need at least 100")
        if not 0 < self.alpha < 1:
            raise InputError(f"gates.comparison.alpha is {self.alpha}; it lies between 0 and 1")


@dataclass(frozen=True)
class GateRule:
    """One gate: a figure of the report and the limit that it must keep. Give one of at_least and at_most.

    Attributes:
        figure: mean.KEY, worst.KEY (over directions), gap.mean|worst|sure|share (chrF behind `against`), size.KEY,
            size.share, speed.KEY, report.DOTTED.PATH, promoted.mean_loss|worst_loss|regressions.
        at_least: lower limit.
        at_most: upper limit.
        system: whose figure; empty for the system of all gates.
        against: system that gap and size.share compare with; empty for `reference`.
        required: fail when the report lacks the figure; otherwise the gate is not judged and says so.
    """

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    system: str = ""
    against: str = ""
    required: bool = False

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            InputError: an unknown figure, no limit, or two.
        """
        kind, _, rest = self.figure.partition(".")
        if kind not in FIGURES or not rest or (kind == "promoted" and self.figure not in PROMOTED):
            raise InputError(f"gate figure '{self.figure}': begins with {', '.join(FIGURES)} (see docs/gates.md)")
        if kind == "gap" and rest not in ("mean", "worst", "sure", "share"):
            raise InputError(f"gate figure '{self.figure}': choose gap.mean, gap.worst, gap.sure or gap.share")
        if (self.at_least is None) == (self.at_most is None):
            raise InputError(f"gate figure '{self.figure}': give one of at_least and at_most")
        if kind == "promoted" and self.at_most is None:
            raise InputError(f"gate figure '{self.figure}': a loss has an upper limit, at_most")

    @property
    def limit(self) -> float:
        """The limit, whichever side it is on."""
        limit = self.at_least if self.at_least is not None else self.at_most
        assert limit is not None
        return limit

    @property
    def compare(self) -> Literal[">=", "<="]:
        """How a passing value compares with the limit."""
        return ">=" if self.at_least is not None else "<="


@dataclass(frozen=True)
class GatesConfig:
    """Gates of a run.

    Attributes:
        rules: gates by name.
        system: the system to be shipped; empty for the first of student_int8, student, teacher that has scores.
        reference: system that a gap is measured from when a rule does not say.
        comparison: how the promoted model is compared with.
        enforce: exit with code 2 when a gate fails: on tick (the scheduled form), always, or never.
    """

    rules: dict[str, GateRule] = field(default_factory=dict)
    system: str = ""
    reference: str = "teacher"
    comparison: ComparisonConfig = field(default_factory=ComparisonConfig)
    enforce: Literal["tick", "always", "never"] = transient("tick")
