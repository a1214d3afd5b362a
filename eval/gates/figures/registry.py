"""What a gate figure is, and all of them by name.

@gate_figure("copies")
def copies(asked: Asked) -> Value:
    return Value(number(asked.evidence.report, f"mean.{asked.system}.copies", "report"))

A gate then says `copies.share <= 0.01`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from parley.pipeline.errors import InputError
from parley.registry import Registry

if TYPE_CHECKING:
    from eval.evidence import Evidence

_LISTED: Final = 5  # directions named in a note


class MissingFigureError(Exception):
    """The report lacks a figure; the message says which."""


@dataclass(frozen=True)
class Asked:
    """What a gate asks.

    Attributes:
        evidence: the evaluation that is judged.
        key: behind the figure's name and its point: `chrf` of `mean.chrf`.
        system: whose figure.
        against: the system that it is compared with.
        compare, limit: `>=` or `<=`, and the number behind it.
        comparison: with the promoted model, as in report.json; None where nothing is promoted.
    """

    evidence: "Evidence"
    key: str
    system: str
    against: str
    compare: str
    limit: float
    comparison: Mapping[str, Any] | None = None

    def beyond(self, value: float) -> bool:
        """Whether a value is on the wrong side of the limit."""
        return value < self.limit if self.compare == ">=" else value > self.limit


@dataclass(frozen=True)
class Value:
    """A figure's value; a field left out is null in report.json.

    Attributes:
        pair: the direction that decided.
        ci: 95 % interval of the value.
        p_value: after correction for multiple testing.
        note: one line of plain text.
        passed: overrides the comparison with the limit.
    """

    value: float
    pair: str | None = None
    ci: list[float] | None = None
    p_value: float | None = None
    note: str = ""
    passed: bool | None = None


@dataclass(frozen=True)
class GateFigure:
    """A registered figure.

    Attributes:
        value: finds it, or raises MissingFigureError.
        keys: valid keys; empty when the report decides.
        loss: a loss has an upper limit only.
        asks: topic of the question that a failed gate raises; empty for none.
    """

    value: Callable[[Asked], Value]
    keys: tuple[str, ...] = ()
    loss: bool = False
    asks: str = ""

    def check(self, key: str, compare: str) -> None:
        """Look for a wrong key, or a limit on the wrong side.

        Raises:
            InputError: what is wrong, and what is right.
        """
        if not key or (self.keys and key.partition(".")[0] not in self.keys):
            raise InputError(f"the figure has no key '{key}'; choose {', '.join(self.keys) or 'one of the report'}")
        if self.loss and compare == ">=":
            raise InputError("a loss has an upper limit, <=")


GATE_FIGURES: Final = Registry[GateFigure]("gate figure", "eval.gates.figures")


def gate_figure(
    name: str, keys: tuple[str, ...] = (), loss: bool = False, asks: str = ""
) -> Callable[[Callable[[Asked], Value]], Callable[[Asked], Value]]:
    """Decorator: adds a function as a figure, named before the point of `mean.chrf`; see `GateFigure`."""

    def add(function: Callable[[Asked], Value]) -> Callable[[Asked], Value]:
        GATE_FIGURES.register(name)(GateFigure(function, keys, loss, asks))
        return function

    return add


def value_at(values: Any, path: str) -> Any:
    """What lies at a dotted path (`qe.score`); None where there is nothing."""
    for part in path.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return None
        values = values[part]
    return values


def number(values: Any, path: str, where: str) -> float:
    """A number by its dotted path; `where` is what messages call `values`.

    Raises:
        MissingFigureError: there is none.
    """
    found = value_at(values, path)
    if found is None:
        raise MissingFigureError(f"the report has no {where}.{path}")
    if not isinstance(found, int | float) or not math.isfinite(found):
        raise MissingFigureError(f"{where}.{path} of the report is not a number")
    return float(found)


def listed(some: list[str], values: Mapping[str, float]) -> str:
    """The first directions with their values, and how many more there are."""
    text = ", ".join(f"{direction} {values[direction]:.3g}" for direction in some[:_LISTED])
    return f"{text} and {len(some) - _LISTED} more" if len(some) > _LISTED else text
