"""Translate a test set in many directions: a table of outputs."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.parquet as pq

from eval.testsets.perturbations import PLAIN, Perturbation
from eval.testsets.testset import TestSet
from parley.corpus.augmentation.registry import Message
from parley.decoding.protocols import TranslatesMany
from parley.languages.table import pair
from parley.pipeline.atomic import replacing
from parley.pipeline.progress import progress_bar

SCHEMA: Final = pa.schema(
    [(name, pa.string()) for name in ("pair", "system", "row_id", "domain", "source", "reference", "hypothesis")]
)

PORTION: Final = 1920  # messages between two steps of the progress bar; 15 targets of 128 sources


@runtime_checkable
class KnowsMessages(Protocol):
    """A system that has its outputs already."""

    def answers(self, directions: Sequence[str], row_ids: Sequence[str]) -> list[str]:
        """Outputs of [N] messages."""
        ...


@dataclass(frozen=True)
class TimedOutputs:
    """Translations with `SCHEMA`'s columns, and the seconds their decoding took."""

    table: pa.Table
    seconds: float


def translate_directions(
    translator: TranslatesMany,
    system: str,
    testset: TestSet,
    rows: Mapping[str, Sequence[int]],
    perturbation: Perturbation = PLAIN,
) -> TimedOutputs:
    """Translate the given messages of each direction.

    They go in portions of like length that keep the copies of one source message together: a translator that encodes a
    message once for several targets gets the chance to do so.

    Args:
        system: name of the translator in the table.
        rows: messages by direction.
        perturbation: how the messages are given; the table has them so.
    """
    columns = _inputs(system, testset, rows, perturbation)
    if isinstance(translator, KnowsMessages) and perturbation is PLAIN:
        known = translator.answers(columns["pair"], columns["row_id"])
        return TimedOutputs(pa.table(columns | {"hypothesis": known}, schema=SCHEMA), 0.0)
    texts = columns["source"]
    told = {direction: perturbation.told(direction, testset.languages) for direction in rows}
    codes = [(told[direction], pair(direction)[1]) for direction in columns["pair"]]
    order = sorted(range(len(texts)), key=lambda line: (codes[line][0], len(texts[line]), texts[line]))
    hypotheses = [""] * len(texts)
    started = time.perf_counter()
    with progress_bar(f"translate {perturbation.name}".rstrip(), len(order)) as bar:
        for start in range(0, len(order), PORTION):
            lines = order[start : start + PORTION]
            sources, targets = ([codes[line][side] for line in lines] for side in (0, 1))
            answers = translator.translate_many([texts[line] for line in lines], sources, targets)
            for line, answer in zip(lines, answers, strict=True):
                hypotheses[line] = answer
            bar.advance(len(lines))
    seconds = time.perf_counter() - started
    return TimedOutputs(pa.table(columns | {"hypothesis": hypotheses}, schema=SCHEMA), seconds)


def write_table(path: Path, table: pa.Table) -> None:
    """Write Parquet whole or not at all. Raises InputError when the disk is full."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _inputs(
    system: str, testset: TestSet, rows: Mapping[str, Sequence[int]], perturbation: Perturbation
) -> dict[str, list[str]]:
    """All columns but the hypothesis."""
    columns: dict[str, list[str]] = {name: [] for name in SCHEMA.names[:-1]}
    for direction, row in ((direction, row) for direction, chosen in rows.items() for row in chosen):
        message = _message(testset, direction, row)
        given = perturbation.written(message, f"{testset.row_ids[row]} {direction}")
        if perturbation.all or given != message:
            line = direction, system, testset.row_ids[row], testset.domains[row], given.source, given.target
            for column, value in zip(columns.values(), line, strict=True):
                column.append(value)
    return columns


def _message(testset: TestSet, direction: str, row: int) -> Message:
    """The message with its reference, and the same in a third language; in the target's where there is no other."""
    source, target = pair(direction)
    texts = {code: testset.texts[code][row] or "" for code in testset.languages}
    others = [code for code, text in texts.items() if text and code not in (source, target)] or [target]
    other = random.Random(f"{testset.row_ids[row]} {direction}").choice(others)
    return Message(texts[source], texts[target], source, target, texts[other])
