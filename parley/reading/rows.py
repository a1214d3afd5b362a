"""Rows of any form of file as dictionaries, with names for errors."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.reading.delimited import read_fields
from parley.reading.json_lines import read_objects
from parley.reading.parquet import open_parquet, read_batches

Row = dict[str, Any]
COMPRESSED: Final = (".gz", ".bz2", ".xz", ".zst")
FORMS: Final = (".parquet", ".jsonl", ".tsv", ".csv")


def ending(path: Path) -> str:
    """The file's ending, without that of its compression: `.tsv` of `chat.tsv.gz`."""
    endings = [each.lower() for each in path.suffixes]
    return next((each for each in reversed(endings) if each not in COMPRESSED), "")


def read_rows(path: Path, required: Sequence[str] = ()) -> Iterator[tuple[str, Row]]:
    """Every row that is not blank, with its name for errors (`FILE: line 7`, of Parquet `FILE: row 7`).

    Args:
        path: one of `FORMS`; text may be compressed, TSV and CSV begin with a header line.
        required: columns that must be there.

    Raises:
        InputError: no such file, an unknown ending, a broken row, two columns of one name, or a column missing.
    """
    readers = {".parquet": _parquet, ".jsonl": _json_lines, ".tsv": _delimited, ".csv": _delimited}
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if ending(path) not in readers:
        raise InputError(f"{path}: expected one of {' '.join(readers)}")
    yield from readers[ending(path)](path, required)


def _json_lines(path: Path, required: Sequence[str]) -> Iterator[tuple[str, Row]]:
    for number, row in read_objects(path):
        _check(f"{path}: line {number}", list(row), required)
        yield f"{path}: line {number}", row


def _delimited(path: Path, required: Sequence[str]) -> Iterator[tuple[str, Row]]:
    rows = read_fields(path, quoted=ending(path) == ".csv")
    _, header = next(rows, (0, []))
    _check(str(path), header, required)
    for number, fields in rows:
        yield f"{path}: line {number}", dict(zip(header, fields, strict=True))


def _parquet(path: Path, required: Sequence[str]) -> Iterator[tuple[str, Row]]:
    with open_parquet(path) as file:
        names, number = file.schema_arrow.names, 0
        _check(str(path), names, required)
        for table in read_batches(file, names, path):
            try:
                rows = table.to_pylist()
            except UnicodeDecodeError as error:
                raise InputError(f"{path}: text behind row {number} is not valid utf-8") from error
            for row in rows:
                number += 1
                yield f"{path}: row {number}", row


def _check(where: str, names: Sequence[str], required: Sequence[str]) -> None:
    if missing := [column for column in required if column not in names]:
        raise InputError(f"{where}: no column {', '.join(missing)}; it has: {' '.join(names[:20]) or 'none'}")
    if repeated := next((name for name in names if names.count(name) > 1), ""):
        raise InputError(f"{where}: two columns are called '{repeated}'")
