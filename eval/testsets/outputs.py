"""Translate a test set in many directions, group by group, so that a killed run goes on where it stopped.

A group is one source language with all its targets: a translator that encodes a message once for several targets
gets the chance to do so.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from eval.testsets.conditions import PLAIN, Condition
from eval.testsets.testset import TestSet
from parley.decoding.protocols import TranslatesMany
from parley.languages.table import pair
from parley.pipeline.atomic import replacing
from parley.pipeline.progress import ProgressBar, progress_bar

SCHEMA: Final = pa.schema(
    [(name, pa.string()) for name in ("pair", "system", "row_id", "domain", "source", "reference", "hypothesis")]
)

PORTION: Final = 1920  # messages between two steps of the progress bar; 15 targets of 128 sources


@dataclass(frozen=True)
class Outputs:
    """Translations with `SCHEMA`'s columns, and the seconds their decoding took."""

    table: pa.Table
    seconds: float


def translate_directions(
    translator: TranslatesMany,
    system: str,
    testset: TestSet,
    rows: Mapping[str, Sequence[int]],
    parts: Path | None = None,
    condition: Condition = PLAIN,
) -> Outputs:
    """Translate the given messages of each direction.

    Args:
        system: name of the translator in the table.
        rows: messages by direction.
        parts: folder for finished groups; those found there are taken as they are. None keeps nothing.
        condition: how the messages are given; the table has them as they are.
    """
    groups: dict[str, list[str]] = {}
    for direction in rows:
        groups.setdefault(pair(direction)[0], []).append(direction)
    found = []
    label = f"translate ({condition.name})" if condition.name else "translate"
    with progress_bar(label, sum(map(len, rows.values()))) as bar:
        for source, members in groups.items():
            part = parts / f"{source}.parquet" if parts else None
            if part and part.exists():
                found.append(_read(part))
                bar.advance(len(found[-1].table))
                continue
            columns = _inputs(system, testset, {d: rows[d] for d in members})
            found.append(_translate(translator, columns, condition, testset.languages, bar))
            if part:
                write_table(part, _stamped(found[-1]))
    tables = [group.table for group in found]
    return Outputs(pa.concat_tables(tables) if tables else SCHEMA.empty_table(), sum(group.seconds for group in found))


def write_table(path: Path, table: pa.Table) -> None:
    """Write Parquet whole or not at all. Raises InputError when the disk is full."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _inputs(system: str, testset: TestSet, rows: Mapping[str, Sequence[int]]) -> dict[str, list[str]]:
    """All columns but the hypothesis."""
    columns: dict[str, list[str]] = {name: [] for name in SCHEMA.names}
    for direction, chosen in rows.items():
        source, target = pair(direction)
        columns["pair"] += [direction] * len(chosen)
        columns["system"] += [system] * len(chosen)
        columns["row_id"] += [testset.row_ids[row] for row in chosen]
        columns["domain"] += [testset.domains[row] for row in chosen]
        columns["source"] += [testset.texts[source][row] or "" for row in chosen]
        columns["reference"] += [testset.texts[target][row] or "" for row in chosen]
    return columns


def _translate(
    translator: TranslatesMany,
    columns: dict[str, list[str]],
    condition: Condition,
    languages: Sequence[str],
    bar: ProgressBar,
) -> Outputs:
    """Fill in the hypotheses, in portions of like length that keep the copies of one source message together."""
    texts = list(map(condition.written, columns["source"], columns["row_id"]))
    told = {direction: condition.told(direction, languages) for direction in set(columns["pair"])}
    codes = [(told[direction], pair(direction)[1]) for direction in columns["pair"]]
    order = sorted(range(len(texts)), key=lambda line: (len(texts[line]), texts[line]))
    hypotheses = [""] * len(texts)
    started = time.perf_counter()
    for start in range(0, len(order), PORTION):
        lines = order[start : start + PORTION]
        sources, targets = ([codes[line][side] for line in lines] for side in (0, 1))
        answers = translator.translate_many([texts[line] for line in lines], sources, targets)
        for line, answer in zip(lines, answers, strict=True):
            hypotheses[line] = answer
        bar.advance(len(lines))
    seconds = time.perf_counter() - started
    return Outputs(pa.table(columns | {"hypothesis": hypotheses}, schema=SCHEMA), seconds)


def _stamped(group: Outputs) -> pa.Table:
    return group.table.replace_schema_metadata({"seconds": f"{group.seconds:.6f}"})


def _read(part: Path) -> Outputs:
    table = pq.read_table(part)
    return Outputs(table.replace_schema_metadata(None), float(table.schema.metadata[b"seconds"]))
