"""Parquet files: shards of one source, or a file each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus.contract import Shape
from parley.corpus.sources.columns import flat_types, languages_of, mapped, picked
from parley.corpus.sources.reader import BATCH_ROWS, WHOLE, Part, Reader
from parley.corpus.sources.registry import SOURCES
from parley.pipeline.errors import InputError

PART_ROWS: Final = 262_144


@SOURCES.register("parquet")
class ParquetReader(Reader):
    """Streams row groups; the footers alone give the whole shape."""

    def head(self) -> Shape:
        types: dict[str, str] = {}
        columns: dict[str, str] = {}
        rows = 0
        for path in self.files():
            with opened(path) as file:
                found = flat_types(file.schema_arrow)
                rows += file.metadata.num_rows
            columns = mapped(self.source, found, str(path))
            for column, kind in found.items():
                if types.setdefault(column, kind) != kind:
                    raise InputError(f"{path}: column '{column}' is {kind}, in other shards {types[column]}")
        return Shape(types, languages_of(columns), rows)

    def parts(self) -> list[Part]:
        """Runs of row groups of about `PART_ROWS` rows."""
        if self.source.max_rows:
            return [WHOLE]
        found = []
        for number, path in enumerate(self.files()):
            with opened(path) as file:
                found += [Part(number, *run) for run in _runs(file.metadata)]
        return found

    def read(self, part: Part) -> Iterator[pa.Table]:
        for path in self.files_of(part):
            with opened(path) as file:
                columns = mapped(self.source, flat_types(file.schema_arrow), str(path))
                groups = range(part.start, part.stop or file.num_row_groups)
                row = 1 + sum(file.metadata.row_group(number).num_rows for number in range(part.start))
                for batch in batches(file, list(columns), path, groups):
                    yield picked(pa.Table.from_batches([batch]), columns, str(path), row)
                    row += batch.num_rows


def _runs(metadata: pq.FileMetaData) -> Iterator[tuple[int, int]]:
    """Start and stop of runs of row groups that have about `PART_ROWS` rows together."""
    start, rows = 0, 0
    for number in range(metadata.num_row_groups):
        rows += metadata.row_group(number).num_rows
        if rows >= PART_ROWS or number == metadata.num_row_groups - 1:
            yield start, number + 1
            start, rows = number + 1, 0


def opened(path: Path) -> pq.ParquetFile:
    """The file.

    Raises:
        InputError: it is not a whole Parquet file.
    """
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a whole Parquet file: {_reason(error)}") from error


def batches(
    file: pq.ParquetFile, columns: list[str], path: Path, groups: Sequence[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Some columns of some row groups (None: all), in order.

    Raises:
        InputError: the file is broken.
    """
    try:
        yield from file.iter_batches(BATCH_ROWS, groups, columns)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: broken Parquet file: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
