"""Parquet files in batches of bounded size, and their columns of text, of whichever kind."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.pipeline.errors import InputError
from parley.reading.stream import FREELY, LARGEST_RATIO, LONGEST_TEXT

BATCH_ROWS: Final = 8192
BATCH_BYTES: Final = 1 << 26
_PACKED: Final = 4  # compressed bytes a row; a column with fewer repeats its values and is read as a dictionary
_TEXT: Final = (
    *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view),
)


def open_parquet(path: Path) -> pq.ParquetFile:
    """The file.

    Raises:
        InputError: it is not a whole Parquet file, or unpacks to far more than text would.
    """
    try:
        file = pq.ParquetFile(path)
        packed = _packed(file.metadata, path)
        return pq.ParquetFile(path, read_dictionary=packed) if packed else file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a whole Parquet file: {_reason(error)}") from error


def read_batches(
    file: pq.ParquetFile, columns: Sequence[str], path: Path, groups: Sequence[int] | None = None
) -> Iterator[pa.Table]:
    """Some columns of some row groups (None: all), in order, up to `BATCH_ROWS` rows and about `BATCH_BYTES` at once.

    Raises:
        InputError: the file is broken, or a cell is longer than `LONGEST_TEXT`.
    """
    average = _bytes_a_row(file.metadata)
    try:
        for batch in file.iter_batches(max(1, min(BATCH_ROWS, BATCH_BYTES // average)), groups, list(columns)):
            table = pa.Table.from_batches([batch])
            yield from _sliced(table.flatten() if any("." in column for column in columns) else table, path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: broken Parquet file: {_reason(error)}") from error


def flat_types(schema: pa.Schema) -> dict[str, str]:
    """Column -> type, `string` for every kind of text; a struct `translation` with a field `en` is `translation.en`."""
    types: dict[str, str] = {}
    for column in schema:
        inner = [(f"{column.name}.{field.name}", field.type) for field in column.type] if _is_struct(column) else []
        for name, kind in inner or [(column.name, column.type)]:
            types[name] = "two columns of that name" if name in types else "string" if is_text(kind) else str(kind)
    return types


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds text: strings or bytes of any kind, plain or as categories."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(check(kind) for check in _TEXT)


def as_text(column: pa.ChunkedArray, name: str, where: str, first_row: int = 1) -> pa.ChunkedArray:
    """A column as valid strings.

    Args:
        first_row: number of the column's first row in the file, for messages.

    Raises:
        InputError: text that is not valid UTF-8, with its row, or values that are no text.
    """
    try:
        strings = pc.cast(column, pa.string())
        strings.validate(full=True)
    except pa.ArrowException as error:
        if not is_text(column.type):
            raise InputError(f"{where}: column '{name}' is {column.type}, it must be string") from error
        row = first_row + _first_invalid(column)
        raise InputError(f"{where}: row {row}, column '{name}' is not valid utf-8") from error
    return strings


def _packed(metadata: pq.FileMetaData, path: Path) -> list[str]:
    """Columns that repeat their values."""
    found: set[str] = set()
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for place in range(group.num_columns):
            chunk = group.column(place)
            size, packed = chunk.total_uncompressed_size, chunk.total_compressed_size
            if size > max(FREELY, LARGEST_RATIO * packed):
                raise InputError(f"{path}: column '{chunk.path_in_schema}' unpacks to {size:,} bytes, beyond the limit")
            if packed < _PACKED * group.num_rows and chunk.physical_type == "BYTE_ARRAY":
                found.add(chunk.path_in_schema)
    return sorted(found)


def _bytes_a_row(metadata: pq.FileMetaData) -> int:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0) + 1


def _sliced(table: pa.Table, path: Path) -> Iterator[pa.Table]:
    """The table in slices that stay small when dictionaries are written out."""
    if len(set(table.column_names)) < table.num_columns:
        raise InputError(f"{path}: two columns have one name: {' '.join(table.column_names[:20])}")
    longest = max((_longest(table[name]) for name in table.column_names), default=0)
    if longest > LONGEST_TEXT:
        raise InputError(f"{path}: a cell has {longest:,} bytes, the limit is {LONGEST_TEXT:,}")
    rows = max(1, BATCH_BYTES // max(longest, 1))
    yield from (table.slice(start, rows) for start in range(0, table.num_rows, rows))


def _longest(column: pa.ChunkedArray) -> int:
    if not is_text(column.type):
        return 0
    parts = [chunk.dictionary if pa.types.is_dictionary(column.type) else chunk for chunk in column.chunks]
    return max((pc.max(pc.binary_length(_plain(part))).as_py() or 0 for part in parts), default=0)


def _plain(array: pa.Array) -> pa.Array:
    return array.cast(pa.binary()) if str(array.type).endswith("_view") else array


def _is_struct(column: pa.Field) -> bool:
    return bool(pa.types.is_struct(column.type)) and column.type.num_fields > 0


def _first_invalid(column: pa.ChunkedArray) -> int:
    for index, value in enumerate(column):
        try:
            cell = value.as_py()
            if isinstance(cell, bytes):
                cell.decode()
        except UnicodeDecodeError:
            return index
    return 0


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
