"""TSV and CSV. TSV has no quoting: every tab separates. CSV is quoted as RFC 4180 says."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa

from parley.corpus.contract import Shape
from parley.corpus.sources.columns import TWICE, languages_of, mapped, unread
from parley.corpus.sources.reader import Part, Reader, tabulated
from parley.corpus.sources.registry import SOURCES
from parley.pipeline.errors import InputError
from parley.reading.delimited import Fields, read_fields
from parley.reading.lines import count_lines

_SEEN_FIRST: Final = 1000  # rows that tell whether a column `id` is Indonesian


@SOURCES.register("tsv")
@SOURCES.register("csv")
class DelimitedReader(Reader):
    """Every line has the fields of the first."""

    def head(self) -> Shape:
        types: dict[str, str] = {}
        columns: dict[str, str] = {}
        rows = 0
        for path in self.files():
            rows += count_lines(path, self.source.encoding) - self.source.header
            found = self._types(path)
            columns |= mapped(self.source, found, str(path))
            types |= found
        counted = rows if self.source.format == "tsv" else None  # a CSV row may span lines
        return Shape(types, languages_of(columns), counted, self.source.encoding, unread(types, columns))

    def read(self, part: Part) -> Iterator[pa.Table]:
        for path in self.files_of(part):
            columns = mapped(self.source, self._types(path), str(path))
            names = self._names(path)
            positions = [names.index(column) for column in columns]
            rows = ([fields[position] for position in positions] for _, fields in self._rows(path))
            yield from tabulated(rows, list(columns.values()))

    def _types(self, path: Path) -> dict[str, str]:
        """Every column is a string, but for one that is called twice, or called `id` and holds numbers."""
        names = self._names(path)
        types = {name: "string" if names.count(name) == 1 else TWICE for name in names}
        numbers = [name for name in names if name.lower() == "id"]
        for _, fields in islice(self._rows(path), _SEEN_FIRST) if numbers else ():
            numbers = [name for name in numbers if not any(map(str.isalpha, fields[names.index(name)]))]
        return types | dict.fromkeys(numbers, "numbers")

    def _names(self, path: Path) -> list[str]:
        first = next(self._fields(path), (0, []))[1]
        if not first:
            raise InputError(f"{path}: the file is empty")
        names = [name.strip() for name in first]
        return names if self.source.header else [str(number) for number in range(1, len(first) + 1)]

    def _rows(self, path: Path) -> Fields:
        return islice(self._fields(path), int(self.source.header), None)

    def _fields(self, path: Path) -> Fields:
        return read_fields(path, self.source.format == "csv", self.source.encoding)
