"""One line of scores per output: what every table and plot of the report is counted from."""

import multiprocessing
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from eval.scoring import failures
from parley.languages.table import pair
from parley.metrics import corpus_metrics as metrics
from parley.metrics.chrf import chrf_scores
from parley.metrics.ngrams import Ints
from parley.metrics.scores import OffTargetDetector
from parley.pipeline.progress import progress_bar

FLAGS: Final = ("off_target", "copied", "empty", "looping", "omission", "hallucination")
CHRF_COUNTS: Final = 24
BLEU_COUNTS: Final = 10
SCHEMA: Final = pa.schema(
    [(name, pa.string()) for name in ("pair", "system", "row_id")]
    + [("chrf", pa.float32())]
    + [(name, pa.bool_()) for name in FLAGS]
    + [("chrf_counts", pa.list_(pa.int32(), CHRF_COUNTS)), ("bleu_counts", pa.list_(pa.int32(), BLEU_COUNTS))]
)
_FOR_PROCESSES: Final = 40_000  # outputs from which on it pays to start processes
_TEXTS: Final = ("hypothesis", "reference", "source")

Columns = dict[str, Any]
Group = tuple[str, list[list[str]]]


def score_messages(outputs: pa.Table, detector: OffTargetDetector | None, workers: int = 0) -> pa.Table:
    """Score every output by itself.

    Args:
        outputs: columns of `eval.testsets.outputs.SCHEMA`.
        detector: tells outputs in a wrong language; None leaves `off_target` null.
        workers: processes; 0 for as many as there are cores when the table is large.

    Returns:
        `SCHEMA`, aligned with `outputs` line by line. `chrf` is sentence chrF2; the counts are those of chrF++ as
        sacrebleu orders them, and of BLEU.
    """
    groups = direction_lines(outputs)
    texts = {name: outputs[name].to_pylist() for name in _TEXTS}
    tasks = [(key[1], [[texts[name][line] for line in lines] for name in _TEXTS]) for key, lines in groups.items()]
    order = np.concatenate([np.asarray(lines) for lines in groups.values()] or [np.zeros(0, np.int64)])
    with progress_bar("score", len(outputs)) as bar:
        found = []
        for columns in _run(partial(_score_group, detector), tasks, workers or _workers(len(outputs))):
            found.append(columns)
            bar.advance(len(columns["chrf"]))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    columns = {name: outputs[name] for name in ("pair", "system", "row_id")}
    for name in SCHEMA.names[3:]:
        columns[name] = _column(name, [group[name] for group in found], place)
    return pa.table(columns, schema=SCHEMA)


def direction_lines(outputs: pa.Table) -> dict[tuple[str, str], list[int]]:
    """Lines of each (system, direction), in an order that keeps the directions of a target language together."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for line, key in enumerate(zip(outputs["system"].to_pylist(), outputs["pair"].to_pylist(), strict=True)):
        groups[key].append(line)
    return {key: groups[key] for key in sorted(groups, key=lambda key: (*pair(key[1])[::-1], key[0]))}


def counts_of(messages: pa.Table, name: str) -> Ints:
    """[N, S] of a column of counts."""
    column = messages[name].combine_chunks()
    width = column.type.list_size
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.int64).reshape(len(column), width)


def _score_group(detector: OffTargetDetector | None, group: Group) -> Columns:
    """Scores of one system in one direction, by column name."""
    direction, (hypotheses, references, sources) = group
    source, target = pair(direction)
    counts = metrics.statistics(hypotheses, references, target)
    chrf = chrf_scores(counts.chrf.astype(np.float64))
    off_target: list[bool | None] = [None] * len(hypotheses)
    if detector is not None:
        off_target = [bool(text.strip()) and detector.off_target(text, target, source) for text in hypotheses]
    return {
        "chrf": np.nan_to_num(chrf),
        "off_target": off_target,
        "copied": failures.copies(hypotheses, sources, references),
        "empty": failures.empties(hypotheses),
        "looping": failures.loops(hypotheses, sources, references),
        "omission": failures.omissions(hypotheses, references),
        "hallucination": failures.hallucinations(hypotheses, references, chrf, target),
        "chrf_counts": counts.chrf,
        "bleu_counts": counts.bleu,
    }


def _column(name: str, parts: Sequence[Any], place: Ints) -> pa.Array:
    """One column from its groups, put back into the order of the outputs."""
    kind = SCHEMA.field(name).type
    if not parts:
        return pa.array([], kind)
    values = np.concatenate([np.asarray(part) for part in parts])[place]
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), pa.int32()), kind.list_size)
    return pa.array(values.tolist() if values.dtype == object else values, kind)


def _run(function: Any, tasks: Sequence[Group], workers: int) -> Iterator[Mapping[str, Any]]:
    if workers < 2:
        yield from map(function, tasks)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(function, tasks, chunksize=4)


def _workers(outputs: int) -> int:
    return len(os.sched_getaffinity(0)) if outputs >= _FOR_PROCESSES else 1
