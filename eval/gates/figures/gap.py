"""`gap.mean|worst|share[.METRIC]`: how far a system lies behind another."""

from collections.abc import Iterable, Mapping
from typing import Any

from eval.gates.chance import Tested, worst_of
from eval.gates.figures.registry import Asked, MissingFigureError, Value, gate_figure
from parley.metrics.registry import METRICS


@gate_figure("gap", keys=("mean", "worst", "share"), asks="gap")
def gap(asked: Asked) -> Value:
    """Points of a metric (the report's leading one unless named); `share` of the other's mean.

    Intervals are the report's own, of the paired bootstrap, which it has for the leading metric.
    """
    key, _, name = asked.key.partition(".")
    metric = METRICS[name] if name else asked.evidence.metric
    mine, theirs = asked.evidence.pairs(asked.system), asked.evidence.pairs(asked.against)
    both = [d for d in mine if metric.name in mine[d] and metric.name in theirs.get(d, {})]
    if not both or asked.system == asked.against:
        raise MissingFigureError(f"the report has no directions of both {asked.system} and {asked.against}")
    gaps = {d: theirs[d][metric.name] - mine[d][metric.name] for d in both}
    report = asked.evidence.report if metric.name == asked.evidence.metric.name else {}
    if key == "worst":
        pairs = report.get("pairs", {})
        rows = {d: _interval(asked, pairs.get(d, {}).get("comparisons", [])) for d in both}
        return worst_of(asked, {d: Tested(gaps[d], rows[d]) for d in both}, f" behind {asked.against}")
    mean, other = sum(gaps.values()) / len(gaps), sum(theirs[d][metric.name] for d in gaps) / len(gaps)
    ci = _interval(asked, report.get("comparisons", []))
    if key == "mean":
        return Value(mean, ci=ci, note=f"mean of {len(gaps)} directions behind {asked.against}")
    share_ci = [end / other for end in ci] if ci and other else None
    note = f"of {asked.against}'s mean {metric.label} {other:.1f}"
    return Value(mean / other if other else 1.0, ci=share_ci, note=note)


def _interval(asked: Asked, rows: Iterable[Mapping[str, Any]]) -> list[float] | None:
    """95 % interval of the points that the system lies behind the other; None where they were not compared."""
    for row in rows:
        low, high = row["delta_ci"]
        if (row["a"], row["b"]) == (asked.against, asked.system):
            return [-high, -low]
        if (row["a"], row["b"]) == (asked.system, asked.against):
            return [low, high]
    return None
