"""From a table of outputs to the scores of report.json: `pairs`, `mean`, `metrics`, slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eval.scoring.message_scores import FLAGS, counts_of, direction_lines, score_messages
from parley.languages.table import CODES, directions, pair
from parley.metrics import corpus_metrics as metrics
from parley.metrics.chrf import WORD_ORDER, chrf_score, chrf_scores
from parley.metrics.ngrams import Ints
from parley.metrics.scores import OffTargetDetector
from parley.metrics.significance import CONFIDENCE, Bootstrap, Floats, interval, mean_difference

Scores = dict[str, Any]
LENGTH_BINS: Final = ((1, 5), (6, 10), (11, 20), (21, 50), (51, None))  # characters
RATES: Final = dict(
    zip(FLAGS, ("off_target", "copies", "empty", "looping", "omissions", "hallucinations"), strict=True)
)
_MEAN_KEYS: Final = ("chrf", "chrfpp", "bleu", *RATES.values())


@dataclass(frozen=True)
class _Direction:
    """One system's score in one direction, and its bootstrap samples [B] of chrF and BLEU."""

    n: int
    scores: Scores
    chrf: Floats
    bleu: Floats


def score_outputs(
    outputs: pa.Table,
    detector: OffTargetDetector | None,
    samples: int = 1000,
    seed: int = 1,
    messages: pa.Table | None = None,
) -> Scores:
    """Score every direction of every system.

    Args:
        outputs: columns of `eval.testsets.outputs.SCHEMA`.
        detector: tells outputs in a wrong language.
        samples: bootstrap samples.
        seed: of the bootstrap.
        messages: what `score_messages` gave for these outputs; None scores them here.

    Returns:
        `pairs`, `mean` and `metrics` (signatures, notes, bootstrap) as in report.json.
    """
    scored = _score_directions(score_messages(outputs, detector) if messages is None else messages, samples, seed)
    pairs: Scores = {}
    for direction in _ordered({direction for _, direction in scored}):
        here = {system: scored[system, direction] for system, d in scored if d == direction}
        pairs[direction] = {"n": max(s.n for s in here.values()), "systems": {k: s.scores for k, s in here.items()}}
    targets = [code for code in CODES if code in {pair(direction)[1] for direction in pairs}]
    return {
        "pairs": pairs,
        "mean": {system: _mean(scored, system) for system in dict.fromkeys(outputs["system"].to_pylist())},
        "metrics": {
            "signatures": metrics.signatures(targets),
            "notes": metrics.notes(targets),
            "bootstrap": {"samples": samples, "seed": seed, "confidence": CONFIDENCE},
        },
    }


def score_slice(slice_outputs: pa.Table, outputs: pa.Table, samples: int = 1000, seed: int = 1) -> Scores:
    """Mean chrF over directions on a slice against the clean outputs of the very same messages.

    Returns:
        By system: chrf, clean, delta_ci (of chrf minus clean) and n messages.
    """
    keys = set(zip(*(slice_outputs[name].to_pylist() for name in ("pair", "system", "row_id")), strict=True))
    same = zip(*(outputs[name].to_pylist() for name in ("pair", "system", "row_id")), strict=True)
    same_outputs = outputs.filter(pa.array([key in keys for key in same]))
    clean = _score_directions(score_messages(same_outputs, None), samples, seed)
    dirty = _score_directions(score_messages(slice_outputs, None), samples, seed)
    result: Scores = {}
    for system in dict.fromkeys(system for system, _ in dirty):
        mine = [key for key in dirty if key[0] == system]
        means = [float(np.mean([side[key].scores["chrf"] for key in mine])) for side in (dirty, clean)]
        spread = mean_difference([dirty[key].chrf for key in mine], [clean[key].chrf for key in mine])
        n = sum(dirty[key].n for key in mine)
        result[system] = {"chrf": means[0], "clean": means[1], "delta_ci": list(spread.interval), "n": n}
    return result


def score_part(messages: pa.Table, part: NDArray[np.bool_], samples: int = 1000, seed: int = 1) -> Scores:
    """Mean chrF over directions on a part of the messages, beside that on all messages of the same directions.

    Args:
        messages: scores line by line (`eval.scoring.scoring.message_scores.SCHEMA`).
        part: [N] which of them.

    Returns:
        By system: chrf, chrf_ci, all and n messages.
    """
    inside = _score_directions(messages.filter(pa.array(part)), samples, seed)
    groups, counts = direction_lines(messages), counts_of(messages, "chrf_counts")
    result: Scores = {}
    for system in dict.fromkeys(system for system, _ in inside):
        mine = {direction: found for (name, direction), found in inside.items() if name == system}
        whole = [chrf_score(counts[groups[system, direction]].sum(0)) for direction in mine]
        result[system] = {
            "chrf": float(np.mean([found.scores["chrf"] for found in mine.values()])),
            "chrf_ci": list(interval(np.nanmean([found.chrf for found in mine.values()], axis=0))),
            "all": float(np.mean(whole)),
            "n": sum(found.n for found in mine.values()),
        }
    return result


def score_detection(texts: Sequence[str], truth: Sequence[str], detected: Sequence[str]) -> Scores:
    """How often a system names the source language of a text right, overall and by length in characters."""
    hits = [expected == found for expected, found in zip(truth, detected, strict=True)]
    by_length: Scores = {}
    for low, high in LENGTH_BINS:
        inside = [hit for text, hit in zip(texts, hits, strict=True) if low <= len(text) <= (high or len(text))]
        if inside:
            by_length[length_label(low, high)] = {"accuracy": sum(inside) / len(inside), "n": len(inside)}
    return {"accuracy": sum(hits) / len(hits), "n": len(hits), "by_length": by_length}


def length_label(low: int, high: int | None) -> str:
    """`6-10`, or `51+` for the last bin."""
    return f"{low}-{high}" if high else f"{low}+"


def message_numbers(messages: pa.Table) -> Ints:
    """[N] a number for the message of each line: the same in every direction and system that shares it."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(row_id, len(number)) for row_id in messages["row_id"].to_pylist()], np.int64)


def _score_directions(messages: pa.Table, samples: int, seed: int) -> dict[tuple[str, str], _Direction]:
    """By (system, direction). All directions share one draw of messages."""
    groups = direction_lines(messages)
    if not groups:
        return {}
    numbers, chrf, bleu = (
        message_numbers(messages),
        counts_of(messages, "chrf_counts"),
        counts_of(messages, "bleu_counts"),
    )
    flags = {key: messages[name].to_numpy() for name, key in RATES.items() if not messages[name].null_count}
    bootstrap = Bootstrap(int(numbers.max()) + 1, samples, seed)
    found = {}
    for (system, direction), lines in groups.items():
        sums = bootstrap.sums(np.concatenate([chrf[lines], bleu[lines]], axis=1), numbers[lines])
        counts = chrf[lines].sum(0), bleu[lines].sum(0)
        rates = {key: float(values[lines].mean()) for key, values in flags.items()}
        found[system, direction] = _score_direction(direction, len(lines), counts, sums, rates)
    return found


def _score_direction(direction: str, n: int, counts: tuple[Ints, Ints], sums: Floats, rates: Scores) -> _Direction:
    chrf_counts, bleu_counts = counts
    width, target = len(chrf_counts), pair(direction)[1]
    chrf, bleu = chrf_scores(sums[:, :width]), metrics.bleu_scores(sums[:, width:])
    scores = {
        "chrf": chrf_score(chrf_counts),
        "chrf_ci": list(interval(chrf)),
        "chrfpp": chrf_score(chrf_counts, WORD_ORDER),
        "bleu": metrics.bleu_score(bleu_counts, target),
        "bleu_ci": list(interval(bleu)),
    }
    return _Direction(n, scores | rates, chrf, bleu)


def _mean(scored: dict[tuple[str, str], _Direction], system: str) -> Scores:
    """Plain mean over a system's directions, with intervals that keep their common messages together."""
    mine = [value for (name, _), value in scored.items() if name == system]
    values: Scores = {
        key: float(np.mean([value.scores[key] for value in mine])) for key in _MEAN_KEYS if key in mine[0].scores
    }
    values["chrf_ci"] = list(interval(np.nanmean([value.chrf for value in mine], axis=0)))
    values["bleu_ci"] = list(interval(np.nanmean([value.bleu for value in mine], axis=0)))
    return values | {"directions": len(mine), "n": sum(value.n for value in mine)}


def _ordered(found: set[str]) -> list[str]:
    return [direction for direction in directions() if direction in found]
