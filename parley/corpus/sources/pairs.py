"""Parquet files in long form: a row is a text and its translation, other columns tell in which languages they are."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.corpus.config import CorpusConfig
from parley.corpus.contract import Shape
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources.columns import flat_types
from parley.corpus.sources.parquet import batches, opened
from parley.corpus.sources.reader import Part, Reader
from parley.corpus.sources.registry import SOURCES
from parley.languages.table import CODES, code_of
from parley.pipeline.errors import InputError

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
        languages: set[str | None] = set()
        rows = 0
        for path in self.files():
            with opened(path) as file:
                types |= self._checked(file, path)
                rows += file.metadata.num_rows
            named = pq.read_table(path, columns=list(self.source.texts.values()))
            languages |= {code_of(str(name)) for column in named.columns for name in column.unique().to_pylist()}
        return Shape(types, [code for code in self._wanted if code in languages], rows)

    def read(self, part: Part) -> Iterator[pa.Table]:
        for path in self.files_of(part):
            with opened(path) as file:
                split = [_SPLIT] if _SPLIT in self._checked(file, path) else []
                columns = [*self.source.texts, *self.source.texts.values(), *self.source.at_most, *split]
                for batch in batches(file, columns, path):
                    table = self._kept(pa.Table.from_batches([batch]))
                    yield pa.table({name: table[name] for name in split} | self._spread(table))

    @property
    def _wanted(self) -> list[str]:
        return self.source.languages or list(CODES)

    def _checked(self, file: pq.ParquetFile, path: Path) -> dict[str, str]:
        """Columns and their types, once all that the source names are there."""
        types = flat_types(file.schema_arrow)
        for column in (*self.source.texts, *self.source.texts.values(), *self.source.at_most):
            if column not in types:
                raise InputError(f"{path}: no column '{column}'; it has: {' '.join(types) or 'none'}")
        return types

    def _kept(self, table: pa.Table) -> pa.Table:
        for column, limit in self.source.at_most.items():
            table = table.filter(pc.fill_null(pc.less_equal(table[column], limit), False))
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
