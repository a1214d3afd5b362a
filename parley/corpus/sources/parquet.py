"""Parquet files: shards of one source, or a file each."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus.contract import Shape
from parley.corpus.sources.columns import flat_types, languages_of, mapped, picked
from parley.corpus.sources.reader import BATCH_ROWS, Reader
from parley.pipeline.errors import InputError


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

    def read(self) -> Iterator[pa.Table]:
        for path in self.files():
            with opened(path) as file:
                columns = mapped(self.source, flat_types(file.schema_arrow), str(path))
                row = 1
                for batch in batches(file, list(columns), path):
                    yield picked(pa.Table.from_batches([batch]), columns, str(path), row)
                    row += batch.num_rows


def opened(path: Path) -> pq.ParquetFile:
    """The file.

    Raises:
        InputError: it is not a whole Parquet file.
    """
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a whole Parquet file: {_reason(error)}") from error


def batches(file: pq.ParquetFile, columns: list[str], path: Path) -> Iterator[pa.RecordBatch]:
    """Parts of some columns, in order.

    Raises:
        InputError: the file is broken.
    """
    try:
        yield from file.iter_batches(BATCH_ROWS, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: broken Parquet file: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
