"""TSV and CSV. TSV has no quoting: every tab separates. CSV is quoted as RFC 4180 says, strictly."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from parley.pipeline.errors import InputError
from parley.reading.lines import read_lines
from parley.reading.stream import LONGEST_TEXT

_OTHERWISE: Final = re.compile(r"\w[\w -]*(?:([;,|\t])\w[\w -]*)+")  # names of columns with other marks between them
Fields = Iterator[tuple[int, list[str]]]


def read_fields(path: Path, quoted: bool, encoding: str = "utf-8") -> Fields:
    """The fields of each row that is not blank, with the number of its first line.

    Args:
        quoted: CSV rather than TSV.

    Raises:
        InputError: unreadable file, other marks between its columns, an open quote, or rows of several lengths.
    """
    width = 0
    for line, row in _quoted(path, encoding) if quoted else _tabbed(path, encoding):
        if not any(map(str.strip, row)):
            continue
        width = width or _width(path, row)
        if len(row) != width:
            raise InputError(f"{path}: line {line} has {len(row)} fields, the first line has {width}")
        yield line, row


def _width(path: Path, first: list[str]) -> int:
    if len(first) == 1 and (found := _OTHERWISE.fullmatch(first[0])):
        raise InputError(
            f"{path}: {found[1]!r} stands between its columns: save it as TSV with tabs or CSV with commas"
        )
    return len(first)


def _tabbed(path: Path, encoding: str) -> Fields:
    return ((number, line.split("\t")) for number, line in enumerate(read_lines(path, encoding), 1))


def _quoted(path: Path, encoding: str) -> Fields:
    csv.field_size_limit(LONGEST_TEXT)
    reader = csv.reader((f"{line}\n" for line in read_lines(path, encoding)), strict=True)
    first = 1
    try:
        for row in reader:
            yield first, row
            first = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}: line {first}: {error}; is a quote in this row not closed?") from error
