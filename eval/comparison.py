"""Two evaluations compared direction by direction: paired bootstrap of a metric, corrected for testing all directions.

Where both have a message (same id, source and reference) the test is paired. Where messages differ each side is
resampled by itself; where outputs are not stored the intervals of the reports must do, and the entry says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from eval.evidence import Evidence
from eval.sampled_scores import SampledDeltas, SampledScores
from eval.stored_outputs import DirectionOutputs, message_places
from parley.languages.table import directions, pair
from parley.metrics.significance import (
    Bootstrap,
    Correction,
    Difference,
    adjusted,
    interval,
    p_value,
    unpaired_difference,
)
from parley.pipeline.errors import InputError
from parley.pipeline.progress import track

Entry = dict[str, Any]
MIN_COMMON: Final = 0.5  # share of the smaller side's messages that must be common for a paired test
_BOTH: Final = ("before", "after")
_WIDTH = 2 * NormalDist().inv_cdf(0.975)  # of a 95 % interval, in standard errors


@dataclass(frozen=True)
class ComparisonConfig:
    """How two evaluations are compared.

    Attributes:
        samples: bootstrap samples; with 240 tests p-values below 0.0002 must be possible, which takes 10,000 and more.
        seed: of the bootstrap.
        alpha: level of significance after the correction.
        correction: for testing all directions at once: holm, benjamini_hochberg or none.
        margin: points that a significant difference must exceed to count.
    """

    samples: int = 20_000
    seed: int = 1
    alpha: float = 0.05
    correction: Correction = "holm"
    margin: float = 0.5

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            InputError: a value out of range.
        """
        if self.samples < 100:
            raise InputError(f"samples is {self.samples}; p-values need at least 100")
        if not 0 < self.alpha < 1:
            raise InputError(f"alpha is {self.alpha}; it lies between 0 and 1")


AS_A_RULE: Final = ComparisonConfig()


def compare(before: Evidence, after: Evidence, config: ComparisonConfig) -> Entry:
    """The key `comparison` of report.json, without `baseline`; docs/gates.md has its form.

    The metric is that of `after`.
    """
    systems = {}
    tests = 0
    for now, then in matched_systems(before, after).items():
        systems[now] = compare_systems((before, then), (after, now), config)
        tests += len(systems[now]["pairs"])
    return {
        "metric": after.metric.name,
        "samples": config.samples,
        "seed": config.seed,
        "alpha": config.alpha,
        "correction": config.correction,
        "tests": tests,
        "systems": systems,
    }


def matched_systems(before: Evidence, after: Evidence) -> dict[str, str]:
    """Systems of `after` -> the same of `before`, by name; two lone systems match whatever their names."""
    common = {name: name for name in after.systems if name in before.systems}
    if not common and len(before.systems) == len(after.systems) == 1:
        return {after.systems[0]: before.systems[0]}
    return common


def compare_systems(before: tuple[Evidence, str], after: tuple[Evidence, str], config: ComparisonConfig) -> Entry:
    """One system against another, or against its earlier self, over all directions that both have.

    Returns:
        `mean`, `worse`, `better` (worst and best first), `only_before`, `only_after`, `pairs`.
    """
    metric = after[0].metric
    old, new = (evidence.pairs(system) for evidence, system in (before, after))
    common = [d for d in directions() if metric.name in old.get(d, {}) and metric.name in new.get(d, {})]
    number = message_places(after[0].outputs) if after[0].outputs else {}
    draws, sampled = Bootstrap(max(1, len(number)), config.samples, config.seed), SampledDeltas()
    pairs = {}
    for direction in track(common, f"compare {after[1]}"):
        sides = [evidence.messages(system, direction) for evidence, system in (before, after)]
        scored = SampledScores(metric, number, draws)
        pairs[direction] = _compare_direction(scored, sides, (old[direction], new[direction]), sampled, config)
    p_values = adjusted([entry["p_value"] for entry in pairs.values()], config.correction)
    for entry, corrected in zip(pairs.values(), p_values, strict=True):
        entry["p_adjusted"] = float(corrected)
        sure = corrected < config.alpha and abs(entry["delta"]) > config.margin
        entry["verdict"] = ("worse" if entry["delta"] < 0 else "better") if sure else "same"
    ranked = sorted(pairs, key=lambda direction: pairs[direction]["delta"])
    return {
        "mean": _mean(pairs, sampled),
        "worse": [direction for direction in ranked if pairs[direction]["verdict"] == "worse"],
        "better": [direction for direction in reversed(ranked) if pairs[direction]["verdict"] == "better"],
        "only_before": [direction for direction in old if direction not in new],
        "only_after": [direction for direction in new if direction not in old],
        "pairs": pairs,
    }


def _compare_direction(
    scored: SampledScores,
    sides: Sequence[DirectionOutputs | None],
    scores: tuple[Mapping[str, Any], Mapping[str, Any]],
    sampled: SampledDeltas,
    config: ComparisonConfig,
) -> Entry:
    before, after = sides
    metric = scored.metric
    if before is None or after is None:
        points = scores[0][metric.name], scores[1][metric.name]
        return _entry(_from_intervals(metric.name, *scores), points, (0, 0, 0), "intervals")
    told = scored.difference(before, after)
    sizes = (len(before), len(after), told.n if told else 0)
    if told and told.n >= MIN_COMMON * min(sizes[:2]):
        sampled.add(_BOTH, told.deltas)
        found = Difference(told.after - told.before, interval(told.deltas), p_value(told.deltas))
        return _entry(found, (told.before, told.after), sizes, "paired")
    old, new = before.statistics(metric), after.statistics(metric)
    found = unpaired_difference(new, old, metric.scores, config.samples, config.seed)
    target = pair(after.direction)[1]
    return _entry(found, (metric.score(old.sum(0), target), metric.score(new.sum(0), target)), sizes, "unpaired")


def _entry(found: Difference, points: tuple[float, float], sizes: tuple[int, int, int], test: str) -> Entry:
    return {
        "before": points[0],
        "after": points[1],
        "delta": points[1] - points[0],
        "delta_ci": list(found.interval),
        "p_value": found.p_value,
        "n_before": sizes[0],
        "n_after": sizes[1],
        "common": sizes[2],
        "test": test,
    }


def _from_intervals(metric: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Normal approximation from two 95 % intervals, as if the two sides had nothing in common."""
    delta, key = after[metric] - before[metric], f"{metric}_ci"
    errors = [(side[key][1] - side[key][0]) / _WIDTH if key in side else 0.0 for side in (before, after)]
    error = math.hypot(*errors)
    p_value = 2 * (1 - NormalDist().cdf(abs(delta) / error)) if error else float(delta == 0)
    half = error * _WIDTH / 2
    return Difference(delta, (delta - half, delta + half), min(1.0, max(0.0, p_value)))


def _mean(pairs: Mapping[str, Entry], sampled: SampledDeltas) -> Entry:
    """The plain mean over directions. Paired ones are resampled together, by message, for they share messages."""
    if not pairs:
        return {}
    points = [float(np.mean([entry[key] for entry in pairs.values()])) for key in ("before", "after")]
    found = {"before": points[0], "after": points[1], "delta": points[1] - points[0], "directions": len(pairs)}
    if any(entry["test"] != "paired" for entry in pairs.values()):  # as if directions were independent
        half = math.hypot(*((e["delta_ci"][1] - e["delta_ci"][0]) / 2 for e in pairs.values())) / len(pairs)
        z = abs(found["delta"]) / (half / (_WIDTH / 2)) if half else (math.inf if found["delta"] else 0.0)
        ends = [found["delta"] - half, found["delta"] + half]
        return found | {"delta_ci": ends, "p_value": 2 * (1 - NormalDist().cdf(z))}
    deltas = sampled.mean(_BOTH)
    return found | {"delta_ci": list(interval(deltas)), "p_value": p_value(deltas)}
