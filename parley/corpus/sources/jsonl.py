"""JSON lines: one object per line; a dictionary inside gives columns such as `translation.en`."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from parley.corpus.contract import Shape
from parley.corpus.sources.columns import languages_of, mapped, unread
from parley.corpus.sources.reader import Part, Reader, tabulated
from parley.corpus.sources.registry import SOURCES
from parley.pipeline.errors import InputError
from parley.reading.json_lines import read_objects
from parley.reading.lines import count_lines

_SEEN_FIRST: Final = 1000  # rows from which the columns are learnt
_TYPES: Final[Mapping[type, str]] = {str: "string", bool: "bool", int: "int64", float: "double", list: "list"}


@SOURCES.register("jsonl")
class JsonLinesReader(Reader):
    """A key may be absent from a row: the cell is then empty."""

    def head(self) -> Shape:
        types: dict[str, str] = {}
        columns: dict[str, str] = {}
        rows = 0
        for path in self.files():
            rows += count_lines(path, self.source.encoding)
            found = self._types(path)
            columns |= mapped(self.source, found, str(path))
            types |= found
        return Shape(types, languages_of(columns), rows, self.source.encoding, unread(types, columns))

    def read(self, part: Part) -> Iterator[pa.Table]:
        for path in self.files_of(part):
            columns = mapped(self.source, self._types(path), str(path))
            yield from tabulated(self._cells(path, list(columns)), list(columns.values()))

    def _types(self, path: Path) -> dict[str, str]:
        types: dict[str, str] = {}
        for _, row in islice(self._objects(path), _SEEN_FIRST):
            for column, value in row.items():
                if types.get(column, "null") == "null":
                    types[column] = _TYPES.get(type(value), "null")
        return types

    def _cells(self, path: Path, columns: list[str]) -> Iterator[list[str | None]]:
        for line, row in self._objects(path):
            cells = [row.get(column) for column in columns]
            for column, cell in zip(columns, cells, strict=True):
                if cell is not None and not isinstance(cell, str):
                    kind = _TYPES.get(type(cell), type(cell).__name__)
                    raise InputError(f"{path}: line {line}: '{column}' is {kind}, it must be string")
            yield cells

    def _objects(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        return ((number, _flat(row)) for number, row in read_objects(path, self.source.encoding))


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    if not any(isinstance(value, dict) for value in row.values()):
        return row
    flat: dict[str, Any] = {}
    for key, value in row.items():
        flat |= {f"{key}.{inner}": cell for inner, cell in value.items()} if isinstance(value, dict) else {key: value}
    return flat
