"""`promoted.mean_loss|worst_loss|regressions`: losses since the promoted model; only significant ones fail."""

from collections.abc import Mapping
from typing import Any

from eval.gates.figures.registry import Asked, MissingFigureError, Value, gate_figure, listed


@gate_figure("promoted", keys=("mean_loss", "worst_loss", "regressions"), loss=True)
def promoted(asked: Asked) -> Value:
    """Loss of the mean or of the worst direction in points, or how many directions are significantly worse."""
    if asked.comparison is None:
        raise MissingFigureError("no model is promoted yet")
    found = asked.comparison["systems"].get(asked.system)
    if not found or not found["pairs"]:
        raise MissingFigureError(f"the promoted report shares no direction of {asked.system}")
    if asked.key == "mean_loss":
        return _mean_loss(asked, found["mean"], asked.comparison["alpha"])
    pairs, worse = found["pairs"], found["worse"]
    losses = {direction: -pairs[direction]["delta"] for direction in pairs}
    how = f"{asked.comparison['correction']}, alpha {asked.comparison['alpha']:g}"
    note = f"{listed(worse, losses)} ({how})" if worse else f"no direction is significantly worse ({how})"
    if not worse:
        return Value(0.0, note=note)
    value = float(len(worse)) if asked.key == "regressions" else losses[worse[0]]
    return Value(value, worse[0], p_value=pairs[worse[0]]["p_adjusted"], note=note)


def _mean_loss(asked: Asked, mean: Mapping[str, Any], alpha: float) -> Value:
    sure = mean["p_value"] < alpha
    value, ci = -mean["delta"], [-mean["delta_ci"][1], -mean["delta_ci"][0]]
    passed = value <= asked.limit or not sure
    return Value(value, None, ci, mean["p_value"], "" if sure else "not significant", passed)
