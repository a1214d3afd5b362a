"""From a source's own columns to those of the corpus."""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.source_config import ROW_COLUMNS, SourceConfig
from parley.languages.table import CODES, code_of
from parley.pipeline.errors import InputError

_TRANSLATION: Final = "translation."  # the Hub's translation dictionaries, flattened


def flat_types(schema: pa.Schema) -> dict[str, str]:
    """Column -> type, where a struct column `translation` with a field `en` becomes `translation.en`."""
    types: dict[str, str] = {}
    for column in schema:
        if pa.types.is_struct(column.type):
            types |= {f"{column.name}.{inner.name}": str(inner.type) for inner in column.type}
        else:
            types[column.name] = str(column.type)
    return types


def mapped(
    source: SourceConfig, types: Mapping[str, str], where: str, own: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Which columns are read, and what they become.

    Args:
        types: the columns that there are, with their types.
        where: the file, for messages.
        own: the columns of a subset, in place of the source's.

    Raises:
        InputError: a column is absent or not a string, or there is no language at all.
    """
    declared = dict(own or source.columns) or _guessed(types)
    for column in declared:
        if column not in types:
            raise InputError(f"{where}: no column '{column}'; it has: {' '.join(types) or 'none'}")
    wanted = source.languages or CODES
    chosen = {column: target for column, target in declared.items() if target in ROW_COLUMNS or target in wanted}
    if not any(target in CODES for target in chosen.values()):
        raise InputError(f"{where}: no column in any language; it has: {' '.join(types) or 'none'}")
    absent = [code for code in source.languages if code not in chosen.values()]
    if absent and own is None:
        raise InputError(f"{where}: no column for declared language '{absent[0]}'; it has: {' '.join(types)}")
    for column, target in chosen.items():
        if target in CODES and "string" not in types[column] and types[column] != "null":
            raise InputError(f"{where}: column '{column}' is {types[column]}, it must be string")
    return chosen


def languages_of(columns: Mapping[str, str]) -> list[str]:
    """The languages among the corpus columns of a mapping, in the order of `CODES`."""
    return [code for code in CODES if code in columns.values()]


def picked(table: pa.Table, columns: Mapping[str, str], where: str, first_row: int) -> pa.Table:
    """The mapped columns under their corpus names, as valid strings.

    Args:
        first_row: number of the table's first row in the source, for messages.

    Raises:
        InputError: text that is not valid UTF-8, with its row and column.
    """
    flat = table.flatten() if any("." in column for column in columns) else table
    arrays = []
    for column in columns:
        try:
            strings = pc.cast(flat[column], pa.string())
            strings.validate(full=True)
        except pa.ArrowInvalid as error:
            row = first_row + _first_invalid(flat[column])
            raise InputError(f"{where}: row {row}, column '{column}' is not valid utf-8") from error
        arrays.append(strings)
    return pa.Table.from_arrays(arrays, names=list(columns.values()))


def _guessed(types: Mapping[str, str]) -> dict[str, str]:
    """Columns that need no mapping; a translation dictionary may write its languages in any usual way."""
    guessed = {column: column for column in types if column in ROW_COLUMNS or column in CODES}
    for column in types:
        code = code_of(column.removeprefix(_TRANSLATION)) if column.startswith(_TRANSLATION) else None
        if code and code not in guessed.values():
            guessed[column] = code
    return guessed


def _first_invalid(column: pa.ChunkedArray) -> int:
    for index, value in enumerate(column.cast(pa.binary())):
        if value.is_valid:
            try:
                value.as_py().decode()
            except UnicodeDecodeError:
                return index
    return 0
