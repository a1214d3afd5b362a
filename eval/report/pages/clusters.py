"""Ranks of systems: those that are not significantly different share one (as in WMT's tables)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from parley.metrics.significance import adjusted

LEVEL: Final = 0.05  # of significance, after the correction for all compared systems


def cluster_ranks(systems: Sequence[str], comparisons: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By system `1` or, where places are shared, `1-3`; empty for fewer than two systems.

    A system takes every place that the comparisons do not rule out: behind those significantly better than it, before
    those significantly worse. Systems that were not compared are not told apart.

    Args:
        comparisons: `a`, `b`, `delta` (b minus a), `p_value`.
    """
    if len(systems) < 2:
        return {}
    p_values = adjusted([row["p_value"] for row in comparisons])
    sure = [row for row, p in zip(comparisons, p_values, strict=True) if p < LEVEL]
    wins = {(row["b"], row["a"]) if row["delta"] > 0 else (row["a"], row["b"]) for row in sure}
    ranks = {}
    for system in systems:
        first = 1 + sum((other, system) in wins for other in systems)
        last = len(systems) - sum((system, other) in wins for other in systems)
        ranks[system] = str(first) if first == last else f"{first}-{last}"
    return ranks
