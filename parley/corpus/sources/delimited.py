"""TSV and CSV. TSV has no quoting: every tab separates. CSV is quoted as RFC 4180 says."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from parley.corpus.contract import Shape
from parley.corpus.sources.columns import languages_of, mapped
from parley.corpus.sources.lines import count_lines, read_lines
from parley.corpus.sources.reader import Part, Reader, tabulated
from parley.corpus.sources.registry import SOURCES
from parley.pipeline.errors import InputError

_FIELD_LIMIT: Final = 1 << 20  # characters; a longer field means a quote that was never closed


@SOURCES.register("tsv")
@SOURCES.register("csv")
class DelimitedReader(Reader):
    """Every line has the fields of the first."""

    def head(self) -> Shape:
        names: list[str] = []
        columns: dict[str, str] = {}
        rows = 0
        for path in self.files():
            rows += count_lines(path, self.source.encoding) - self.source.header
            names = self._names(path)
            columns = self._columns(path, names)
        counted = rows if self.source.format == "tsv" else None  # a CSV row may span lines
        return Shape(dict.fromkeys(names, "string"), languages_of(columns), counted, self.source.encoding)

    def read(self, part: Part) -> Iterator[pa.Table]:
        for path in self.files_of(part):
            names = self._names(path)
            columns = self._columns(path, names)
            positions = [names.index(column) for column in columns]
            rows = ([fields[position] for position in positions] for fields in self._rows(path, len(names)))
            yield from tabulated(rows, list(columns.values()))

    def _columns(self, path: Path, names: list[str]) -> dict[str, str]:
        return mapped(self.source, dict.fromkeys(names, "string"), str(path))

    def _names(self, path: Path) -> list[str]:
        first = next(self._fields(path), (0, []))[1]
        if not first:
            raise InputError(f"{path}: the file is empty")
        return first if self.source.header else [str(number) for number in range(1, len(first) + 1)]

    def _rows(self, path: Path, width: int) -> Iterator[list[str]]:
        fields = self._fields(path)
        if self.source.header:
            next(fields)
        for line, row in fields:
            if len(row) != width:
                raise InputError(f"{path}: line {line} has {len(row)} fields, the first line has {width}")
            yield row

    def _fields(self, path: Path) -> Iterator[tuple[int, list[str]]]:
        lines = read_lines(path, self.source.encoding)
        if self.source.format == "tsv":
            return ((number, line.split("\t")) for number, line in enumerate(lines, 1))
        return _csv_fields(path, lines)


def _csv_fields(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: {error}") from error
