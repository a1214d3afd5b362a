"""From a table of outputs to the scores of report.json: `pairs`, `mean`, `metrics`, slices."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from eval import metrics
from pipeline.progress import track
from training.chrf import WORD_ORDER, chrf_score, chrf_scores
from training.languages import CODES, directions, pair
from training.scores import OffTargetDetector, off_target_rate
from training.significance import CONFIDENCE, Bootstrap, Floats, interval, mean_difference

Scores = dict[str, Any]
LENGTH_BINS: Final = ((1, 5), (6, 10), (11, 20), (21, 50), (51, None))  # characters
_MEAN_KEYS = ("chrf", "chrfpp", "bleu", "off_target", "copies", "empty", "looping")


@dataclass(frozen=True)
class _Direction:
    """One system's score in one direction, and its bootstrap samples [B] of chrF and BLEU."""

    n: int
    scores: Scores
    chrf: Floats
    bleu: Floats


def score_outputs(outputs: pa.Table, detector: OffTargetDetector, samples: int = 1000, seed: int = 1) -> Scores:
    """Score every direction of every system.

    Args:
        outputs: columns of `eval.outputs.SCHEMA`.
        detector: tells outputs in a wrong language.
        samples: bootstrap samples.
        seed: of the bootstrap.

    Returns:
        `pairs`, `mean` and `metrics` (signatures, notes, bootstrap) as in report.json.
    """
    scored = _score_directions(outputs, detector, samples, seed)
    pairs: Scores = {}
    for direction in _ordered({direction for _, direction in scored}):
        here = {system: scored[system, direction] for system, d in scored if d == direction}
        pairs[direction] = {"n": max(s.n for s in here.values()), "systems": {k: s.scores for k, s in here.items()}}
    targets = [code for code in CODES if code in {pair(direction)[1] for direction in pairs}]
    return {
        "pairs": pairs,
        "mean": {system: _mean(scored, system) for system in dict.fromkeys(system for system, _ in scored)},
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
    clean = _score_directions(outputs.filter(pa.array([key in keys for key in same])), None, samples, seed)
    dirty = _score_directions(slice_outputs, None, samples, seed)
    result: Scores = {}
    for system in dict.fromkeys(system for system, _ in dirty):
        mine = [key for key in dirty if key[0] == system]
        means = [float(np.mean([side[key].scores["chrf"] for key in mine])) for side in (dirty, clean)]
        spread = mean_difference([dirty[key].chrf for key in mine], [clean[key].chrf for key in mine])
        messages = sum(dirty[key].n for key in mine)
        result[system] = {"chrf": means[0], "clean": means[1], "delta_ci": list(spread.interval), "n": messages}
    return result


def score_detection(texts: Sequence[str], truth: Sequence[str], detected: Sequence[str]) -> Scores:
    """How often a system names the source language of a text right, overall and by length in characters."""
    hits = [expected == found for expected, found in zip(truth, detected, strict=True)]
    by_length: Scores = {}
    for low, high in LENGTH_BINS:
        inside = [hit for text, hit in zip(texts, hits, strict=True) if low <= len(text) <= (high or len(text))]
        if inside:
            label = f"{low}-{high}" if high else f"{low}+"
            by_length[label] = {"accuracy": sum(inside) / len(inside), "n": len(inside)}
    return {"accuracy": sum(hits) / len(hits), "n": len(hits), "by_length": by_length}


def _score_directions(
    outputs: pa.Table, detector: OffTargetDetector | None, samples: int, seed: int
) -> dict[tuple[str, str], _Direction]:
    """By (system, direction). All directions share one draw of messages."""
    columns = {name: outputs[name].to_pylist() for name in outputs.column_names}
    message = {row_id: index for index, row_id in enumerate(dict.fromkeys(columns["row_id"]))}
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, key in enumerate(zip(columns["system"], columns["pair"], strict=True)):
        groups[key].append(index)
    if not groups:
        return {}
    bootstrap = Bootstrap(len(message), samples, seed)
    found = {}
    for system, direction in track(sorted(groups, key=lambda key: pair(key[1])[::-1]), "score"):
        lines = groups[system, direction]
        texts = [[columns[name][line] for line in lines] for name in ("hypothesis", "reference", "source")]
        rows = [message[columns["row_id"][line]] for line in lines]
        found[system, direction] = _score_direction(direction, texts, rows, bootstrap, detector)
    return found


def _score_direction(
    direction: str,
    texts: list[list[str]],
    rows: Sequence[int],
    bootstrap: Bootstrap,
    detector: OffTargetDetector | None,
) -> _Direction:
    hypotheses, references, sources = texts
    source, target = pair(direction)
    counts = metrics.statistics(hypotheses, references, target)
    chrf = chrf_scores(bootstrap.sums(counts.chrf, rows))
    bleu = metrics.bleu_scores(bootstrap.sums(counts.bleu, rows))
    scores = {
        "chrf": chrf_score(counts.chrf.sum(0)),
        "chrf_ci": list(interval(chrf)),
        "chrfpp": chrf_score(counts.chrf.sum(0), WORD_ORDER),
        "bleu": metrics.bleu_score(counts.bleu.sum(0), target),
        "bleu_ci": list(interval(bleu)),
        "copies": metrics.copy_rate(hypotheses, sources, references),
        "empty": metrics.empty_rate(hypotheses),
        "looping": metrics.loop_rate(hypotheses, sources, references),
    }
    if detector is not None:
        scores["off_target"] = off_target_rate(hypotheses, target, detector, source)
    return _Direction(len(hypotheses), scores, chrf, bleu)


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
