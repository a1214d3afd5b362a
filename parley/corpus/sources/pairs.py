"""Parquet files in long form: a row is a text and its translation, other columns tell in which languages they are."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.config import CorpusConfig
from parley.corpus.contract import Shape
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources.reader import Part, Reader
from parley.corpus.sources.registry import SOURCES
from parley.languages.table import CODES, code_of
from parley.pipeline.errors import InputError
from parley.reading.parquet import as_text, flat_types, open_parquet, read_batches

_SPLIT = "split"


@SOURCES.register("pairs")
class PairsReader(Reader):
    """`texts` names both columns of text and the columns of their languages; rows in other languages are left out.

    `at_most` leaves out rows whose number in a column is larger or absent, `split_names` those of other splits.
    """

    def __init__(self, source: SourceConfig, config: CorpusConfig) -> None:
        super().__init__(source, config)
        if len(source.texts) != 2:
            raise InputError(f"source '{source.name}': format pairs needs two texts, each with its language's column")

    def head(self) -> Shape:
        types: dict[str, str] = {}
        named: set[str] = set()
        rows = 0
        for path in self.files():
            types |= self._types(path)
            for table in self._columns(path, list(self.source.texts.values())):
                rows += table.num_rows
                named |= {str(name) for column in table.columns for name in column.unique().to_pylist()}
        unknown = [f"language '{name}'" for name in sorted(named) if code_of(name) is None]
        languages = set(map(code_of, named))
        return Shape(types, [code for code in self._wanted if code in languages], rows, unread=unknown)

    def read(self, part: Part) -> Iterator[pa.Table]:
        for path in self.files_of(part):
            split = [_SPLIT] if _SPLIT in self._types(path) else []
            text = [*self.source.texts, *self.source.texts.values(), *split]
            for table in self._columns(path, text, list(self.source.at_most)):
                kept = self._kept(table, path)
                yield pa.table({name: kept[name] for name in split} | self._spread(kept))

    @property
    def _wanted(self) -> list[str]:
        return self.source.languages or list(CODES)

    def _types(self, path: Path) -> dict[str, str]:
        """Columns and their types, once all that the source names are there."""
        with open_parquet(path) as file:
            types = flat_types(file.schema_arrow)
        for column in (*self.source.texts, *self.source.texts.values(), *self.source.at_most):
            if column not in types:
                raise InputError(f"{path}: no column '{column}'; it has: {' '.join(types) or 'none'}")
        for column in self.source.texts:
            if types[column] not in ("string", "null"):
                raise InputError(f"{path}: column '{column}' is {types[column]}, it must be string")
        return types

    def _columns(self, path: Path, text: list[str], others: list[str] | None = None) -> Iterator[pa.Table]:
        """Some columns in batches, those of text as strings."""
        with open_parquet(path) as file:
            row = 1
            for table in read_batches(file, list(dict.fromkeys([*text, *(others or [])])), path):
                arrays = {name: as_text(table[name], name, str(path), row) for name in text}
                yield pa.table(arrays | {name: table[name] for name in others or [] if name not in arrays})
                row += table.num_rows

    def _kept(self, table: pa.Table, path: Path) -> pa.Table:
        for column, limit in self.source.at_most.items():
            try:
                table = table.filter(pc.fill_null(pc.less_equal(table[column], limit), False))
            except pa.ArrowException as error:
                raise InputError(f"{path}: at_most: column '{column}' is {table[column].type}, no number") from error
        if self.source.split_names and _SPLIT in table.column_names:
            table = table.filter(pc.is_in(table[_SPLIT], pa.array(list(self.source.split_names))))
        return table

    def _spread(self, table: pa.Table) -> dict[str, pa.Array]:
        """Texts under the codes of their languages; of two in one language the first."""
        cells: dict[str, list[str | None]] = {code: [None] * table.num_rows for code in self._wanted}
        for text_column, language_column in reversed(self.source.texts.items()):
            texts, names = table[text_column].to_pylist(), table[language_column].to_pylist()
            codes = {name: code_of(str(name)) for name in set(names)}
            for row, (text, name) in enumerate(zip(texts, names, strict=True)):
                code = codes[name]
                if code in cells:
                    cells[code][row] = text
        return {code: pa.array(column, pa.string()) for code, column in cells.items()}
