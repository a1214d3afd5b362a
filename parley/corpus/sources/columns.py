"""From a source's own columns to those of the corpus."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import pyarrow as pa

from parley.corpus.source_config import ROW_COLUMNS, SourceConfig
from parley.languages.table import CODES, code_of
from parley.pipeline.errors import InputError
from parley.reading.parquet import as_text


class NoLanguageError(InputError):
    """A table without a column in any language."""


TWICE: Final = "two columns of that name"  # what stands for the type of such a column
_TRANSLATION: Final = "translation."  # the Hub's translation dictionaries, flattened
_LOCALE: Final = re.compile(
    r"[^\W\d_][^\d_-]*([-_](\w{2}|\d{3}|latn|cyrl|han[st]|jpan|hang|thai|ch[st]))*", re.IGNORECASE
)


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
            raise InputError(f"{where}: no column '{column}'; it has: {some(types)}")
    wanted = source.languages or CODES
    chosen = {column: target for column, target in declared.items() if target in ROW_COLUMNS or target in wanted}
    if not any(target in CODES for target in chosen.values()):
        raise NoLanguageError(f"{where}: no column in any language; it has: {some(types)}")
    absent = [code for code in source.languages if code not in chosen.values()]
    if absent and own is None:
        raise InputError(f"{where}: no column for declared language '{absent[0]}'; it has: {some(types)}")
    for column, target in chosen.items():
        if types[column] == TWICE or (target in CODES and types[column] not in ("string", "null")):
            raise InputError(f"{where}: column '{column}' is {types[column]}, it must be string")
    return chosen


def unread(types: Iterable[str], columns: Mapping[str, str]) -> list[str]:
    """The columns that nothing is read from."""
    return [f"column '{name}'" for name in types if name not in columns]


def languages_of(columns: Mapping[str, str]) -> list[str]:
    """The languages among the corpus columns of a mapping, in the order of `CODES`."""
    return [code for code in CODES if code in columns.values()]


def picked(table: pa.Table, columns: Mapping[str, str], where: str, first_row: int) -> pa.Table:
    """The mapped columns under their corpus names, as valid strings.

    Args:
        first_row: number of the table's first row in the source, for messages.

    Raises:
        InputError: text that is not valid UTF-8, with its row and column, or a column that is no text.
    """
    flat = table.flatten() if any("." in column for column in columns) else table
    arrays = [as_text(flat[column], column, where, first_row) for column in columns]
    return pa.Table.from_arrays(arrays, names=list(columns.values()))


def _guessed(types: Mapping[str, str]) -> dict[str, str]:
    """Columns that need no mapping: called as in the corpus, or languages written in any usual way.

    What is called like an id and holds no text is no Indonesian.
    """
    guessed = {column: column for column in types if column in ROW_COLUMNS or column in CODES}
    if types.get("id", "string") not in ("string", "null", TWICE):
        del guessed["id"]
    for column, kind in types.items():
        code = _language(column) if kind == "string" else None
        if code and code not in guessed.values():
            guessed[column] = code
    return guessed


def _language(column: str) -> str | None:
    """The language that a column is named after; `id_user` is none."""
    name = column.removeprefix(_TRANSLATION)
    code = code_of(name) if _LOCALE.fullmatch(name) else None
    return None if code == "id" and re.match(r"id[-_](?!id$|latn)", name, re.IGNORECASE) else code


def some(names: Iterable[str], between: str = " ") -> str:
    """Up to 20 names for a message."""
    listed = list(names)
    return (between.join(listed[:20]) or "none") + (f" and {len(listed) - 20} more" if len(listed) > 20 else "")
