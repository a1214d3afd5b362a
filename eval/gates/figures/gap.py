"""`gap.mean|worst|sure|share[.METRIC]`: how far a system lies behind another."""

from eval.gates.figures.registry import Asked, MissingFigureError, Value, gate_figure, listed
from parley.metrics.registry import METRICS


@gate_figure("gap", keys=("mean", "worst", "sure", "share"), asks="gap")
def gap(asked: Asked) -> Value:
    """Points of a metric (the report's leading one unless named); `share` of the other's mean.

    `sure` is the direction whose paired interval begins furthest behind: few messages alone cannot fail it.
    """
    key, _, name = asked.key.partition(".")
    if key == "sure":
        return _sure(asked)
    metric = METRICS[name] if name else asked.evidence.metric
    mine, theirs = asked.evidence.pairs(asked.system), asked.evidence.pairs(asked.against)
    both = [d for d in mine if metric.name in mine[d] and metric.name in theirs.get(d, {})]
    if not both or asked.system == asked.against:
        raise MissingFigureError(f"the report has no directions of both {asked.system} and {asked.against}")
    gaps = {d: theirs[d][metric.name] - mine[d][metric.name] for d in both}
    if key == "worst":
        return _worst(asked, gaps)
    mean, other = sum(gaps.values()) / len(gaps), sum(theirs[d][metric.name] for d in gaps) / len(gaps)
    if key == "share":
        return Value(mean / other if other else 1.0, note=f"of {asked.against}'s mean {metric.label} {other:.1f}")
    return Value(mean, note=f"mean of {len(gaps)} directions behind {asked.against}")


def _worst(asked: Asked, gaps: dict[str, float]) -> Value:
    ranked = sorted(gaps, key=lambda direction: -gaps[direction])
    beyond = [direction for direction in ranked if asked.beyond(gaps[direction])]
    where = f"behind {asked.against} in {len(beyond)} of {len(ranked)} directions: {listed(beyond, gaps)}"
    return Value(gaps[ranked[0]], ranked[0], note=where if beyond else "")


def _sure(asked: Asked) -> Value:
    behind: dict[str, tuple[float, float]] = {}
    for direction, entry in asked.evidence.report.get("pairs", {}).items():
        for row in entry.get("comparisons", []):
            low, high = row["delta_ci"]
            if (row["a"], row["b"]) == (asked.against, asked.system):
                behind[direction] = (-high, -low)
            elif (row["a"], row["b"]) == (asked.system, asked.against):
                behind[direction] = (low, high)
    if not behind:
        raise MissingFigureError(f"the report has no intervals of {asked.system} against {asked.against}")
    ranked = sorted(behind, key=lambda direction: -behind[direction][0])
    beyond = {direction: behind[direction][0] for direction in ranked if asked.beyond(behind[direction][0])}
    note = f"surely behind {asked.against} by more: {listed(list(beyond), beyond)}" if beyond else ""
    return Value(behind[ranked[0]][0], ranked[0], list(behind[ranked[0]]), note=note)
