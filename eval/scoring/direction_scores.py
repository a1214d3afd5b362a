"""From a table of outputs to the scores of report.json: `pairs`, `mean`, `metrics`, slices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eval.scoring.message_scores import RATES, direction_lines, message_numbers, score_messages, statistics_of
from eval.scoring.pooled_shares import pooled_shares
from eval.scoring.shown_metrics import metric_facts
from parley.languages.table import CODES, directions, pair
from parley.metrics.ngrams import Floats, Ints
from parley.metrics.off_target import OffTargetDetector
from parley.metrics.registry import DEFAULTS, METRICS
from parley.metrics.significance import CONFIDENCE, SAMPLES, Bootstrap, interval, mean_difference

Scores = dict[str, Any]
LENGTH_BINS: Final = ((1, 5), (6, 10), (11, 20), (21, 50), (51, None))  # characters


@dataclass(frozen=True)
class DirectionScores:
    """One system in one direction: messages, scores as in report.json, bootstrap samples [B] by metric and share."""

    n: int
    scores: Scores
    samples: dict[str, Floats]


def score_outputs(
    outputs: pa.Table,
    detector: OffTargetDetector | None,
    samples: int = SAMPLES,
    seed: int = 1,
    messages: pa.Table | None = None,
    metrics: Sequence[str] = DEFAULTS,
) -> Scores:
    """Score every direction of every system.

    Args:
        outputs: columns of `eval.testsets.outputs.SCHEMA`.
        detector: tells outputs in a wrong language.
        samples: bootstrap samples.
        seed: of the bootstrap.
        messages: what `score_messages` gave for these outputs; None scores them here.
        metrics: names; the first is the leading one.

    Returns:
        `pairs`, `mean`, `into` and `metrics` (shown, signatures, notes, bootstrap) as in report.json.
    """
    messages = score_messages(outputs, detector, metrics) if messages is None else messages
    scored = score_directions(messages, metrics, samples, seed)
    pairs: Scores = {}
    found = {direction for _, direction in scored}
    for direction in (direction for direction in directions() if direction in found):
        here = {system: scored[system, direction] for system, d in scored if d == direction}
        pairs[direction] = {"n": max(s.n for s in here.values()), "systems": {k: s.scores for k, s in here.items()}}
    systems = dict.fromkeys(outputs["system"].to_pylist())
    return {
        "pairs": pairs,
        "mean": {system: _mean(scored, system, metrics) for system in systems},
        "into": {system: pooled_shares(scored, system) for system in systems},
        "metrics": metric_facts(metrics, sorted({pair(direction)[1] for direction in pairs}, key=CODES.index))
        | {"bootstrap": {"samples": samples, "seed": seed, "confidence": CONFIDENCE}},
    }


def score_slice(
    slice_outputs: pa.Table, outputs: pa.Table, metric: str, samples: int = SAMPLES, seed: int = 1
) -> Scores:
    """Mean score over directions on a slice against the clean outputs of the very same messages.

    Returns:
        By system: score (under the metric's name), clean, delta (score minus clean) with its interval, share (score of
        clean) and n messages.
    """
    keys = set(zip(*(slice_outputs[name].to_pylist() for name in ("pair", "system", "row_id")), strict=True))
    same = zip(*(outputs[name].to_pylist() for name in ("pair", "system", "row_id")), strict=True)
    same_outputs = outputs.filter(pa.array([key in keys for key in same]))
    clean, dirty = (
        score_directions(score_messages(table, None, [metric]), [metric], samples, seed)
        for table in (same_outputs, slice_outputs)
    )
    result: Scores = {}
    for system in dict.fromkeys(system for system, _ in dirty):
        mine = [key for key in dirty if key[0] == system]
        means = [float(np.mean([side[key].scores[metric] for key in mine])) for side in (dirty, clean)]
        spread = mean_difference([dirty[k].samples[metric] for k in mine], [clean[k].samples[metric] for k in mine])
        n = sum(dirty[key].n for key in mine)
        result[system] = {
            metric: means[0],
            "clean": means[1],
            "delta": means[0] - means[1],
            "delta_ci": list(spread.interval),
            "share": means[0] / means[1] if means[1] else 1.0,
            "n": n,
        }
    return result


def score_part(
    messages: pa.Table, part: NDArray[np.bool_], metric: str, samples: int = SAMPLES, seed: int = 1
) -> Scores:
    """Mean score over directions on a part of the messages, beside that on all messages of the same directions.

    Args:
        messages: scores line by line (`eval.scoring.message_scores.score_messages`).
        part: [N] which of them.

    Returns:
        By system: score and its interval (under the metric's name), all and n messages.
    """
    inside = score_directions(messages.filter(pa.array(part)), [metric], samples, seed)
    groups, statistics = direction_lines(messages), statistics_of(messages, METRICS[metric])
    result: Scores = {}
    for system in dict.fromkeys(system for system, _ in inside):
        mine = {direction: found for (name, direction), found in inside.items() if name == system}
        whole = [METRICS[metric].score(statistics[groups[system, d]].sum(0), pair(d)[1]) for d in mine]
        result[system] = {
            metric: float(np.mean([found.scores[metric] for found in mine.values()])),
            f"{metric}_ci": list(interval(np.nanmean([found.samples[metric] for found in mine.values()], axis=0))),
            "all": float(np.mean(whole)),
            "n": sum(found.n for found in mine.values()),
        }
    return result


def length_label(low: int, high: int | None) -> str:
    """`6-10`, `1` for one length alone, or `51+` for the last bin."""
    return str(low) if low == high else f"{low}-{high}" if high else f"{low}+"


def score_directions(
    messages: pa.Table, metrics: Sequence[str], samples: int = SAMPLES, seed: int = 1
) -> dict[tuple[str, str], DirectionScores]:
    """By (system, direction). All directions share one draw of messages."""
    groups = direction_lines(messages)
    if not groups:
        return {}
    numbers = message_numbers(messages)
    used = [METRICS[name] for name in metrics]
    statistics = np.concatenate([statistics_of(messages, metric) for metric in used], axis=1)
    ends = np.cumsum([metric.width for metric in used])[:-1]
    flags = {key: messages[name].to_numpy() for name, key in RATES.items() if not messages[name].null_count}
    bootstrap = Bootstrap(int(numbers.max()) + 1, samples, seed)
    found = {}
    for (system, direction), lines in groups.items():
        mine, target = statistics[lines], pair(direction)[1]
        sums = np.split(bootstrap.sums(mine, numbers[lines]), ends, axis=1)
        drawn = {metric.name: metric.scores(part) for metric, part in zip(used, sums, strict=True)}
        scores: Scores = {}
        for metric, total in zip(used, np.split(mine.sum(0), ends), strict=True):
            scores[metric.name] = metric.score(total, target)
            scores[f"{metric.name}_ci"] = list(interval(drawn[metric.name]))
        rates = {key: float(values[lines].mean()) for key, values in flags.items()}
        drawn |= _drawn_shares({key: values[lines] for key, values in flags.items()}, bootstrap, numbers[lines])
        found[system, direction] = DirectionScores(len(lines), scores | rates, drawn)
    return found


def _mean(scored: dict[tuple[str, str], DirectionScores], system: str, metrics: Sequence[str]) -> Scores:
    """Plain mean over a system's directions, with intervals that keep their common messages together."""
    mine = [value for (name, _), value in scored.items() if name == system]
    keys = [key for key in (*metrics, *RATES.values()) if key in mine[0].scores]
    values: Scores = {key: float(np.mean([value.scores[key] for value in mine])) for key in keys}
    for name in keys:
        values[f"{name}_ci"] = list(interval(np.nanmean([value.samples[name] for value in mine], axis=0)))
    return values | {"directions": len(mine), "n": sum(value.n for value in mine)}


def _drawn_shares(flags: Mapping[str, NDArray[np.bool_]], bootstrap: Bootstrap, numbers: Ints) -> dict[str, Floats]:
    """By share: bootstrap samples [B]; 0 where a sample has no message of the direction."""
    if not flags:
        return {}
    columns = [np.ones(len(numbers), bool), *flags.values()]
    drawn = bootstrap.sums(np.stack(columns, axis=1).astype(np.int64), numbers)
    return dict(zip(flags, (drawn[:, 1:] / np.maximum(drawn[:, :1], 1)).T, strict=True))
