"""Parquet files: shards of one source, or a file each."""

from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus.contract import Shape
from parley.corpus.sources.columns import languages_of, mapped, picked, unread
from parley.corpus.sources.reader import WHOLE, Part, Reader
from parley.corpus.sources.registry import SOURCES
from parley.reading.parquet import flat_types, open_parquet, read_batches

PART_ROWS: Final = 262_144


@SOURCES.register("parquet")
class ParquetReader(Reader):
    """Streams row groups; the footers alone give the whole shape. Shards may differ where nothing is read."""

    def head(self) -> Shape:
        types: dict[str, str] = {}
        columns: dict[str, str] = {}
        rows = 0
        for path in self.files():
            with open_parquet(path) as file:
                found = flat_types(file.schema_arrow)
                rows += file.metadata.num_rows
            columns |= mapped(self.source, found, str(path))
            types |= {name: kind for name, kind in found.items() if types.get(name, "null") == "null"}
        return Shape(types, languages_of(columns), rows, unread=unread(types, columns))

    def parts(self) -> list[Part]:
        """Runs of row groups of about `PART_ROWS` rows."""
        if self.source.max_rows:
            return [WHOLE]
        found = []
        for number, path in enumerate(self.files()):
            with open_parquet(path) as file:
                found += [Part(number, *run) for run in _runs(file.metadata)]
        return found

    def read(self, part: Part) -> Iterator[pa.Table]:
        for path in self.files_of(part):
            with open_parquet(path) as file:
                columns = mapped(self.source, flat_types(file.schema_arrow), str(path))
                groups = range(part.start, part.stop or file.num_row_groups)
                row = 1 + sum(file.metadata.row_group(number).num_rows for number in range(part.start))
                for table in read_batches(file, list(columns), path, groups):
                    yield picked(table, columns, str(path), row)
                    row += table.num_rows


def _runs(metadata: pq.FileMetaData) -> Iterator[tuple[int, int]]:
    """Start and stop of runs of row groups that have about `PART_ROWS` rows together."""
    start, rows = 0, 0
    for number in range(metadata.num_row_groups):
        rows += metadata.row_group(number).num_rows
        if rows >= PART_ROWS or number == metadata.num_row_groups - 1:
            yield start, number + 1
            start, rows = number + 1, 0
