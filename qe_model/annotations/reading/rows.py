"""Rows of Parquet, JSONL and TSV files, with errors that name the row."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from parley.pipeline.errors import InputError
from parley.pipeline.json_lines import json_object

Row = dict[str, Any]


def read_rows(file: Path, required: Iterable[str]) -> Iterator[tuple[str, Row]]:
    """Every row with its name for errors (`file row 7`).

    Args:
        file: `.parquet`, `.jsonl`, or `.tsv` with a header line.
        required: columns that must be there.

    Raises:
        InputError: no such file, an unknown ending, a broken row, or a column missing.
    """
    readers = {".parquet": _parquet, ".jsonl": _jsonl, ".tsv": _tsv}
    if file.suffix not in readers:
        raise InputError(f"{file}: expected one of {' '.join(readers)}")
    wanted = tuple(required)
    try:
        for number, row in enumerate(readers[file.suffix](file), start=1):
            missing = [column for column in wanted if column not in row]
            if missing:
                raise InputError(
                    f"{file} row {number}: no column {', '.join(missing)}; it has {', '.join(map(str, row))}"
                )
            yield f"{file.name} row {number}", row
    except (OSError, UnicodeDecodeError, pa.ArrowException, csv.Error) as error:
        raise InputError(f"{file}: {' '.join(str(error).split())}") from error


def _parquet(file: Path) -> Iterator[Row]:
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=10_000):
            yield from batch.to_pylist()


def _jsonl(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            yield json_object(line, f"{file} row {number}")


def _tsv(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8", newline="") as lines:
        header = next(lines, "").rstrip("\r\n").split("\t")
        for number, line in enumerate(lines, start=1):
            cells = line.rstrip("\r\n").split("\t")
            if len(cells) != len(header):
                raise InputError(f"{file} row {number}: {len(cells)} columns, but the header has {len(header)}")
            yield dict(zip(header, cells, strict=True))
