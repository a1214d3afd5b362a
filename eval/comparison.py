"""Two evaluations compared direction by direction: paired bootstrap of chrF, corrected for testing all directions.

Where both have a message (same id, source and reference) the test is paired. Where messages differ each side is
resampled by itself; where outputs are not stored the intervals of the reports must do, and the entry says so.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from eval.evidence import Evidence, Messages
from eval.gates.config import ComparisonConfig
from parley.languages.table import directions
from parley.metrics.chrf import chrf_score, chrf_scores
from parley.metrics.ngrams import Ints
from parley.metrics.significance import (
    Bootstrap,
    Difference,
    adjusted,
    interval,
    paired_difference,
    unpaired_difference,
)
from parley.pipeline.progress import track

Entry = dict[str, Any]
MEAN_SAMPLES: Final = 1000  # of the mean over directions, which is one test; all directions share these draws
MIN_COMMON: Final = 0.5  # share of the smaller side's messages that must be common for a paired test
_WIDTH = 2 * NormalDist().inv_cdf(0.975)  # of a 95 % interval, in standard errors


def compare(before: Evidence, after: Evidence, config: ComparisonConfig) -> Entry:
    """The key `comparison` of report.json, without `baseline`; docs/gates.md has its form."""
    systems = {}
    tests = 0
    for now, then in matched_systems(before, after).items():
        systems[now] = compare_systems((before, then), (after, now), config)
        tests += len(systems[now]["pairs"])
    return {
        "metric": "chrf",
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
    old, new = (evidence.pairs(system) for evidence, system in (before, after))
    common = [direction for direction in directions() if direction in old and direction in new]
    draws = lru_cache(4)(lambda count: Bootstrap(count, config.samples, config.seed))  # equal sizes share a draw
    pairs = {}
    for direction in track(common, f"compare {after[1]}"):
        sides = [evidence.messages(system, direction) for evidence, system in (before, after)]
        pairs[direction] = _compare_direction(sides, (old[direction], new[direction]), draws, config)
    p_values = adjusted([entry["p_value"] for entry in pairs.values()], config.correction)
    for entry, p_value in zip(pairs.values(), p_values, strict=True):
        entry["p_adjusted"] = float(p_value)
        sure = p_value < config.alpha and abs(entry["delta"]) > config.margin
        entry["verdict"] = ("worse" if entry["delta"] < 0 else "better") if sure else "same"
    ranked = sorted(pairs, key=lambda direction: pairs[direction]["delta"])
    return {
        "mean": _mean(before, after, pairs, config),
        "worse": [direction for direction in ranked if pairs[direction]["verdict"] == "worse"],
        "better": [direction for direction in reversed(ranked) if pairs[direction]["verdict"] == "better"],
        "only_before": [direction for direction in old if direction not in new],
        "only_after": [direction for direction in new if direction not in old],
        "pairs": pairs,
    }


def common_lines(before: Messages, after: Messages) -> tuple[list[int], list[int]]:
    """Lines of both sides that are the same message, in step."""
    place = {key: line for line, key in enumerate(before.keys)}
    both = [(place[key], line) for line, key in enumerate(after.keys) if key in place]
    return [line for line, _ in both], [line for _, line in both]


def _compare_direction(
    sides: Sequence[Messages | None], scores: tuple[Mapping[str, Any], Mapping[str, Any]], draws: Any, config: Any
) -> Entry:
    before, after = sides
    if before is None or after is None:
        return _entry(_from_intervals(*scores), (scores[0]["chrf"], scores[1]["chrf"]), (0, 0, 0), "intervals")
    lines = common_lines(before, after)
    sizes = (len(before), len(after), len(lines[0]))
    if sizes[2] and sizes[2] >= MIN_COMMON * min(len(before), len(after)):
        old, new = before.chrf[lines[0]], after.chrf[lines[1]]
        found = paired_difference(new, old, range(len(old)), draws(len(old)), chrf_scores)
        return _entry(found, (chrf_score(old.sum(0)), chrf_score(new.sum(0))), sizes, "paired")
    found = unpaired_difference(after.chrf, before.chrf, chrf_scores, config.samples, config.seed)
    points = (chrf_score(before.chrf.sum(0)), chrf_score(after.chrf.sum(0)))
    return _entry(found, points, sizes, "unpaired")


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


def _from_intervals(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Normal approximation from two 95 % intervals, as if the two sides had nothing in common."""
    delta = after["chrf"] - before["chrf"]
    errors = [
        (side["chrf_ci"][1] - side["chrf_ci"][0]) / _WIDTH if "chrf_ci" in side else 0.0 for side in (before, after)
    ]
    error = math.hypot(*errors)
    p_value = 2 * (1 - NormalDist().cdf(abs(delta) / error)) if error else float(delta == 0)
    half = error * _WIDTH / 2
    return Difference(delta, (delta - half, delta + half), min(1.0, max(0.0, p_value)))


def _mean(before: tuple[Evidence, str], after: tuple[Evidence, str], pairs: Mapping[str, Entry], config: Any) -> Entry:
    """The plain mean over directions. Paired ones are resampled together, by message, for they share messages."""
    if not pairs:
        return {}
    points = [float(np.mean([entry[key] for entry in pairs.values()])) for key in ("before", "after")]
    paired = [direction for direction, entry in pairs.items() if entry["test"] == "paired"]
    found = {"before": points[0], "after": points[1], "delta": points[1] - points[0], "directions": len(pairs)}
    if len(paired) < len(pairs):  # not all can be resampled together: as if directions were independent
        half = math.hypot(*((e["delta_ci"][1] - e["delta_ci"][0]) / 2 for e in pairs.values())) / len(pairs)
        z = abs(found["delta"]) / (half / (_WIDTH / 2)) if half else (math.inf if found["delta"] else 0.0)
        p_value = 2 * (1 - NormalDist().cdf(z))
        return found | {"delta_ci": [found["delta"] - half, found["delta"] + half], "p_value": p_value}
    deltas = _joint_deltas(before, after, paired, config)
    smaller = min(int((deltas <= 0).sum()), int((deltas >= 0).sum()))
    p_value = min(1.0, 2 * (smaller + 1) / (len(deltas) + 1))
    return found | {"delta_ci": list(interval(deltas)), "p_value": p_value}


def _joint_deltas(
    before: tuple[Evidence, str], after: tuple[Evidence, str], paired: Sequence[str], config: ComparisonConfig
) -> Any:
    """[B] difference of the means over directions, from one draw of messages for all of them."""
    parts: list[tuple[Ints, list[int]]] = []
    number: dict[str, int] = {}
    for direction in paired:
        sides = [evidence.messages(system, direction) for evidence, system in (before, after)]
        assert sides[0] is not None
        assert sides[1] is not None
        lines = common_lines(sides[0], sides[1])
        rows = [number.setdefault(sides[1].row_ids[line], len(number)) for line in lines[1]]
        parts.append((np.concatenate([sides[0].chrf[lines[0]], sides[1].chrf[lines[1]]], axis=1), rows))
    draw = Bootstrap(len(number), min(MEAN_SAMPLES, config.samples), config.seed)
    deltas = []
    for counts, rows in parts:
        sums = draw.sums(counts, rows)
        half = counts.shape[1] // 2
        deltas.append(chrf_scores(sums[:, half:]) - chrf_scores(sums[:, :half]))
    return np.nanmean(deltas, axis=0)
