"""Systems of one report held against each other: paired bootstrap of a metric, by direction and over all directions."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np

from eval.sampled_scores import SampledDeltas, SampledScores, Two
from eval.stored_outputs import DirectionOutputs
from eval.system_names import telling_pairs
from parley.metrics.significance import adjusted, interval, p_value

Json = dict[str, Any]
COMPARISONS: Final = 6  # of systems, at most
LEVEL: Final = 0.05  # of significance, after the correction for all directions
DIGITS: Final = 5


def compared_systems(systems: Sequence[str]) -> list[Two]:
    """Which systems are held against each other: the pairs that tell most, then all against the first, then others."""
    told = telling_pairs(systems)
    others = [two for two in combinations(systems, 2) if two not in told and two[::-1] not in told]
    return [*told, *others][:COMPARISONS]


def compare_direction(
    outputs: Mapping[str, DirectionOutputs], scored: SampledScores, sampled: SampledDeltas
) -> list[Json]:
    """Differences of systems in one direction on the messages that both have: `a`, `b`, `n`, `delta` (b minus a), ...

    Args:
        sampled: gets the samples of each difference.
    """
    found = []
    for a, b in compared_systems(list(outputs)):
        if told := scored.difference(outputs[a], outputs[b]):
            sampled.add((a, b), told.deltas)
            figures = {"delta": told.after - told.before, "delta_ci": list(interval(told.deltas))}
            found.append({"a": a, "b": b, "n": told.n} | rounded(figures | {"p_value": p_value(told.deltas)}))
    return found


def correct(comparisons: Sequence[Json]) -> None:
    """Add `p_adjusted` (Holm), for all directions in which two systems are compared."""
    by_systems: dict[Two, list[Json]] = {}
    for entry in comparisons:
        by_systems.setdefault((entry["a"], entry["b"]), []).append(entry)
    for entries in by_systems.values():
        for entry, value in zip(entries, adjusted([e["p_value"] for e in entries]), strict=True):
            entry["p_adjusted"] = round(float(value), DIGITS)


def overall(comparisons: Sequence[Json], sampled: SampledDeltas) -> list[Json]:
    """The means over directions, which are resampled together, for they share messages."""
    found = []
    for two in sampled.sums:
        deltas = sampled.mean(two)
        entries = [entry for entry in comparisons if (entry["a"], entry["b"]) == two]
        sure = [entry["delta"] for entry in entries if entry["p_adjusted"] < LEVEL]
        mean = {"delta": float(np.mean([entry["delta"] for entry in entries])), "delta_ci": list(interval(deltas))}
        told = rounded(mean | {"p_value": p_value(deltas)})
        sizes = {"directions": len(entries), "better": sum(d > 0 for d in sure), "worse": sum(d < 0 for d in sure)}
        found.append({"a": two[0], "b": two[1]} | told | sizes)
    return found


def rounded(entry: Mapping[str, Any]) -> Json:
    """Numbers, and those in lists, with `DIGITS` behind the point."""
    return {
        key: [round(item, DIGITS) for item in value] if isinstance(value, list) else round(value, DIGITS)
        for key, value in entry.items()
    }
