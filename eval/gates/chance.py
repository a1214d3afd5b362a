"""How likely figures lie beyond a limit by chance alone: one-sided p-values of "the true value keeps the limit"."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from scipy.special import betainc

from eval.gates.figures.registry import Asked, Value, listed
from parley.metrics.significance import adjusted

ALPHA: Final = 0.05  # chance of a false alarm among all values that a gate looks at
POOLED: Final = "*-"  # in front of the target language: all directions into it
_WIDTH: Final = 2 * NormalDist().inv_cdf(0.975)  # of a 95 % interval, in standard errors


@dataclass(frozen=True)
class Tested:
    """One of the values that a gate looks at together.

    Attributes:
        value: the figure.
        ci: its 95 % interval; None where the report has none.
        n: messages behind a share, which makes its test exact; None for other figures. Where messages depend on each
            other it is the effective number, as in Korn and Graubard 1998.
    """

    value: float
    ci: list[float] | None = None
    n: float | None = None


def worst_of(asked: Asked, found: Mapping[str, Tested], where: str = "") -> Value:
    """The worst of many values, by direction, with its p-value corrected for having looked at all of them (Holm).

    Args:
        found: by direction, and by `*-th` for all directions into a language.
        where: behind the number of directions in the note.
    """
    p_values = dict(zip(found, adjusted([_p_value(asked, one) for one in found.values()]), strict=True))
    sign = 1 if asked.compare == ">=" else -1
    ranked = sorted(found, key=lambda name: (p_values[name] >= ALPHA, sign * found[name].value))
    beyond = [name for name in ranked if asked.beyond(found[name].value)]
    counted = sum(not name.startswith(POOLED) for name in beyond)
    total = sum(not name.startswith(POOLED) for name in found)
    note = f"{counted} of {total} directions{where}: {listed(beyond, {name: found[name].value for name in beyond})}"
    first = ranked[0]
    pair = None if first.startswith(POOLED) else first
    return Value(found[first].value, pair, found[first].ci, float(p_values[first]), note if beyond else "")


def _p_value(asked: Asked, found: Tested) -> float:
    if found.n is not None:  # the binomial's tail by the beta function, which takes fractions too
        hits = found.value * found.n
        if asked.compare == "<=":
            return float(betainc(hits, found.n - hits + 1, asked.limit)) if hits else 1.0
        return 1.0 - float(betainc(hits + 1, found.n - hits, asked.limit)) if hits < found.n else 1.0
    inside = (found.value - asked.limit) * (1 if asked.compare == ">=" else -1)
    error = (found.ci[1] - found.ci[0]) / _WIDTH if found.ci else 0.0
    return NormalDist().cdf(inside / error) if error else float(inside >= 0)
