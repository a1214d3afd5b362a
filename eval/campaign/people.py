"""What people said of the outputs of systems: key `people` of report.json, by direction."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np

from eval.stored_outputs import DirectionOutputs, StoredOutputs
from parley.languages.words import words_of
from parley.metrics.agreement import mcc
from parley.metrics.metric import mean_scores, mean_statistics
from parley.metrics.ngrams import Floats, Ints
from parley.metrics.significance import Bootstrap, interval, p_value
from parley.reading.rows import read_rows

Json = dict[str, Any]
Judged = Mapping[str, Mapping[str, Sequence[Json]]]  # judgements by system and message
_WHAT: Final = ("src_lang", "tgt_lang", "system", "doc", "source", "target")
REQUIRED: Final = (*_WHAT, "rater", "spans", "score", "kind", "estimated")
SEED: Final = 1  # of the bootstrap over messages


def people(files: Iterable[Path], stored: StoredOutputs) -> Json:
    """Scores of systems with their differences, and agreement with quality estimation, on the messages of campaigns.

    Args:
        files: of judgements, as `scripts/campaign.py` writes them.
        stored: outputs of the report.

    Raises:
        InputError: a file of another form.
    """
    directions: dict[str, list[Json]] = {}
    for file in files:
        for _, row in read_rows(file, REQUIRED):
            directions.setdefault(f"{row['src_lang']}-{row['tgt_lang']}", []).append(row)
    return {direction: _direction(rows, stored.by_system(direction)) for direction, rows in directions.items()}


def _direction(rows: Sequence[Json], outputs: Mapping[str, DirectionOutputs]) -> Json:
    judged = {(row["system"], row["doc"], row["source"], row["target"]) for row in rows}
    now = {(name, *one) for name, o in outputs.items() for one in zip(o.row_ids, o.sources, o.hypotheses, strict=True)}
    facts = {"raters": len({row["rater"] for row in rows}), "outputs": len(judged), "unchanged": len(judged & now)}
    chosen = _by_system([row for row in rows if row["kind"] == "random"])
    return facts | _scores(chosen) | {"agreement": _agreement(_by_system(rows))}


def _by_system(rows: Iterable[Json]) -> Judged:
    """Judgements of one output together; where a system said another thing in a later campaign, that counts."""
    found: dict[str, dict[str, list[Json]]] = {}
    for row in rows:
        known = found.setdefault(row["system"], {}).setdefault(row["doc"], [])
        known[:] = [*(one for one in known if one["target"] == row["target"]), row]
    return found


def _numbers(judged: Judged) -> dict[str, int]:
    """A number for each message: all its outputs are resampled together."""
    docs = dict.fromkeys(doc for messages in judged.values() for doc in messages)
    return {doc: number for number, doc in enumerate(docs)}


def _scores(judged: Judged) -> Json:
    """Mean score of each system over messages, and the differences between systems on those that both have."""
    numbers = _numbers(judged)
    draw = Bootstrap(max(1, len(numbers)), seed=SEED)

    def sampled(system: str, docs: Iterable[str]) -> tuple[float, Floats]:
        values = [float(np.mean([one["score"] for one in judged[system][doc]])) for doc in docs]
        return float(np.mean(values)), mean_scores(draw.sums(mean_statistics(values), [numbers[doc] for doc in docs]))

    found: Json = {"systems": {}, "comparisons": []}
    for system, mine in judged.items():
        score, samples = sampled(system, mine)
        found["systems"][system] = {"score": score, "score_ci": list(interval(samples)), "n": len(mine)}
    for a, b in combinations(judged, 2):
        if both := [doc for doc in judged[a] if doc in judged[b]]:
            (before, old), (after, new) = sampled(a, both), sampled(b, both)
            told = {"delta_ci": list(interval(new - old)), "p_value": p_value(new - old)}
            found["comparisons"].append({"a": a, "b": b, "delta": after - before, **told})
    return found


def _agreement(judged: Judged) -> Json:
    """Word MCC of the raters' majority and quality estimation, over all systems."""
    numbers = _numbers(judged)
    lines = [(numbers[doc], _word_counts(each)) for messages in judged.values() for doc, each in messages.items()]
    counts = np.stack([line for _, line in lines])
    sums = Bootstrap(len(numbers), seed=SEED).sums(counts, [number for number, _ in lines])
    total: Floats = counts.sum(0, keepdims=True).astype(np.float64)
    return {"mcc": float(mcc(total)[0]), "mcc_ci": list(interval(mcc(sums))), "words": int(total.sum())}


def _word_counts(judgements: Sequence[Json]) -> Ints:
    """[4] words of one output, as `mcc` reads them: first at least half of its raters, second quality estimation."""
    words = words_of(judgements[0]["target"])
    raters = [_bad(words, one["spans"]) for one in judgements]
    majority = 2 * np.sum(raters, axis=0) >= len(judgements)
    return np.bincount(2 * majority + _bad(words, judgements[0]["estimated"]), minlength=4).astype(np.int64)


def _bad(words: Sequence[tuple[int, int]], spans: Sequence[Json]) -> Ints:
    found = [any(span["start"] < end and span["end"] > start for span in spans) for start, end in words]
    return np.array(found, np.int64)
