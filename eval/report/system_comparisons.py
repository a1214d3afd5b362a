"""Systems of one report held against each other: paired bootstrap of a metric, by direction and over all directions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import numpy as np

from eval.stored_outputs import DirectionOutputs, common_lines
from eval.system_names import telling_pairs
from parley.languages.table import pair
from parley.metrics.metric import Metric
from parley.metrics.ngrams import Floats, Ints
from parley.metrics.significance import Bootstrap, adjusted, interval, p_value

Json = dict[str, Any]
Two = tuple[str, str]
COMPARISONS: Final = 6  # of systems, at most
LEVEL: Final = 0.05  # of significance, after the correction for all directions
DIGITS: Final = 5


@dataclass
class SampledDeltas:
    """Bootstrap differences of compared systems, added up over directions: by (a, b) sum [B] and directions [B]."""

    sums: dict[Two, tuple[Floats, Floats]] = field(default_factory=dict)

    def add(self, two: Two, total: Floats, count: Floats) -> None:
        """Add samples [B] of further directions; `count` says in how many of them a sample had messages."""
        known = self.sums.get(two)
        self.sums[two] = (known[0] + total, known[1] + count) if known else (total, count)

    def means(self) -> dict[Two, Floats]:
        """Means over directions [B]; nan where no direction had a message."""
        return {two: total / np.where(count > 0, count, np.nan) for two, (total, count) in self.sums.items()}


def compared_systems(systems: Sequence[str]) -> list[Two]:
    """Which systems are held against each other: the pairs that tell most, then all against the first, then others."""
    told = telling_pairs(systems)
    others = [two for two in combinations(systems, 2) if two not in told and two[::-1] not in told]
    return [*told, *others][:COMPARISONS]


def compare_direction(
    outputs: Mapping[str, DirectionOutputs],
    metric: Metric,
    number: Mapping[str, int],
    draws: Bootstrap,
    sampled: SampledDeltas,
) -> list[Json]:
    """Differences of systems in one direction on the messages that both have: `a`, `b`, `n`, `delta` (b minus a), ...

    Args:
        number: of each message in the draw.
        sampled: gets the samples of each difference.
    """
    lines = {two: common_lines(outputs[two[0]], outputs[two[1]]) for two in compared_systems(list(outputs))}
    scores = _sample(outputs, lines, metric, number, draws)
    found = []
    for two, (both, samples) in scores.items():
        target = pair(outputs[two[0]].direction)[1]
        points = [metric.score(statistics.sum(0), target) for statistics in both]
        deltas = samples[1] - samples[0]
        sampled.add(two, np.nan_to_num(deltas), (~np.isnan(deltas)).astype(np.float64))
        entry = {"n": len(both[0]), "delta": points[1] - points[0], "delta_ci": list(interval(deltas))}
        found.append({"a": two[0], "b": two[1]} | rounded(entry | {"p_value": p_value(deltas)}))
    return found


def _sample(
    outputs: Mapping[str, DirectionOutputs],
    lines: Mapping[Two, tuple[list[int], list[int]]],
    metric: Metric,
    number: Mapping[str, int],
    draws: Bootstrap,
) -> dict[Two, tuple[list[Ints], list[Floats]]]:
    """By (a, b): statistics [N, S] of both sides and their bootstrap scores [B].

    A system takes part in several comparisons, most often with the same messages: each product is made once.
    """
    made: dict[tuple[str, tuple[int, ...]], tuple[Ints, Floats]] = {}
    found = {}
    for two, both in lines.items():
        if not both[0]:
            continue
        for system, mine in zip(two, both, strict=True):
            if (key := (system, tuple(mine))) not in made:
                statistics = outputs[system].statistics(metric)[mine]
                rows = [number[outputs[system].row_ids[line]] for line in mine]
                made[key] = statistics, metric.scores(draws.sums(statistics, rows))
        sides = [made[system, tuple(mine)] for system, mine in zip(two, both, strict=True)]
        found[two] = [side[0] for side in sides], [side[1] for side in sides]
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
    for two, deltas in sampled.means().items():
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
