"""One line of scores per output: what every table and plot of the report is counted from."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from eval.scoring import failures
from parley.languages.table import pair
from parley.metrics.metric import Metric, Translations
from parley.metrics.ngrams import Floats, Ints
from parley.metrics.off_target import OffTargetDetector
from parley.metrics.registry import DEFAULTS, METRICS

KEYS: Final = ("pair", "system", "row_id")
FLAGS: Final = ("off_target", "copied", "empty", "looping", "omission", "hallucination")
# shares of messages in report.json, by flag
RATES: Final = dict(
    zip(FLAGS, ("off_target", "copies", "empty", "looping", "omissions", "hallucinations"), strict=True)
)
BINS: Final = 20  # of the distribution of messages' scores, 5 points each
Columns = dict[str, Any]


def score_messages(
    outputs: pa.Table, detector: OffTargetDetector | None, metrics: Sequence[str] = DEFAULTS
) -> pa.Table:
    """Score every output by itself.

    Args:
        outputs: columns of `eval.testsets.outputs.SCHEMA`.
        detector: tells outputs in a wrong language; None leaves `off_target` null.
        metrics: names; the first is the leading one.

    Returns:
        Aligned with `outputs` line by line: `KEYS`; the score of the message alone, under the name of the leading
        metric; `FLAGS`; a column of statistics for each metric (`Metric.column`), in fixed-size lists.
    """
    used = [METRICS[name] for name in metrics]
    groups = direction_lines(outputs)
    texts = {name: outputs[name].to_pylist() for name in ("source", "reference", "hypothesis")}
    found = []
    for (_, direction), lines in groups.items():
        columns = [[texts[name][line] for line in lines] for name in texts]
        found.append(_score_direction(Translations(direction, *columns), detector, used))
    order = np.concatenate([np.asarray(lines) for lines in groups.values()] or [np.zeros(0, np.int64)])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    scored = {name: _column([group[name] for group in found], place) for name in (found[0] if found else ())}
    return pa.table({name: outputs[name] for name in KEYS} | scored)


def direction_lines(outputs: pa.Table) -> dict[tuple[str, str], list[int]]:
    """Lines of each (system, direction), in an order that keeps the directions of a target language together."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for line, key in enumerate(zip(outputs["system"].to_pylist(), outputs["pair"].to_pylist(), strict=True)):
        groups[key].append(line)
    return {key: groups[key] for key in sorted(groups, key=lambda key: (*pair(key[1])[::-1], key[0]))}


def statistics_of(messages: pa.Table, metric: Metric) -> Ints:
    """[N, width] statistics of a metric from a table of message scores."""
    column = messages[metric.column].combine_chunks()
    stored = column.type.list_size
    values = np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.int64)
    return values.reshape(len(column), stored)[:, : metric.width]


def message_numbers(messages: pa.Table) -> Ints:
    """[N] a number for the message of each line: the same in every direction and system that shares it."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(row_id, len(number)) for row_id in messages["row_id"].to_pylist()], np.int64)


def histogram(scores: Floats) -> list[int]:
    """Messages by score: [BINS], 0 to 100."""
    return np.histogram(scores, BINS, (0.0, 100.0))[0].tolist()


def _score_direction(
    texts: Translations, detector: OffTargetDetector | None, metrics: Sequence[Metric]
) -> Mapping[str, Any]:
    """Scores of one system in one direction, by column name."""
    source, target = pair(texts.direction)
    hypotheses, references, sources = texts.hypotheses, texts.references, texts.sources
    statistics = {one.column: one.statistics(texts) for one in {one.column: one for one in metrics}.values()}
    chrf = METRICS["chrf"]
    counts = statistics[chrf.column] if chrf.column in statistics else chrf.statistics(texts)
    sentence_chrf = chrf.scores(counts.astype(np.float64))
    off_target: list[bool | None] = [None] * len(texts)
    if detector is not None:
        off_target = [bool(text.strip()) and detector.off_target(text, target, source) for text in hypotheses]
    return {
        metrics[0].name: np.nan_to_num(metrics[0].scores(statistics[metrics[0].column].astype(np.float64))),
        "off_target": off_target,
        "copied": failures.copies(hypotheses, sources, references),
        "empty": failures.empties(hypotheses),
        "looping": failures.loops(hypotheses, sources, references),
        "omission": failures.omissions(hypotheses, references),
        "hallucination": failures.hallucinations(hypotheses, references, sentence_chrf, target),
        **statistics,
    }


def _column(parts: Sequence[Any], place: Ints) -> pa.Array:
    """One column from its groups, put back into the order of the outputs."""
    values = np.concatenate([np.asarray(part) for part in parts])[place]
    if values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), pa.int32()), values.shape[1])
    if values.dtype == np.float64:
        return pa.array(values, pa.float32())
    return pa.array(values.tolist(), pa.bool_())
