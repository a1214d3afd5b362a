"""From a source's rows to those of the corpus: every column there, normalised text, stable row ids."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.source_config import ROW_COLUMNS, SourceConfig
from parley.languages.normalisation import normalise
from parley.languages.table import CODES
from parley.pipeline.errors import InputError

_ID_BYTES: Final = 8


def corpus_schema(codes: Sequence[str]) -> pa.Schema:
    """The columns of the corpus: row_id, domain, split, origin, then one per language; all of them strings."""
    return pa.schema([(name, pa.string()) for name in (*ROW_COLUMNS, *codes)])


def complete(table: pa.Table, source: SourceConfig, codes: Sequence[str]) -> pa.Table:
    """Bring a table of a reader into the form of the corpus.

    Rows with fewer than two filled cells among `codes` are dropped: they have no direction. A row
    without a split of its own has null there. The row id is a hash of all texts of the row when the source has none.

    Raises:
        InputError: a split that is unknown, or a row id that is empty.
    """
    own_ids = "row_id" in table.column_names
    read = codes if own_ids else CODES  # a hashed id must not depend on the languages chosen
    tidy = no_empty if source.clean else normalised  # cleaning normalises, and sees damage that this would hide
    texts = {code: tidy(table[code]) for code in read if code in table.column_names}
    kept = pa.array(filled(texts, codes, table.num_rows) >= 2)
    table = table.filter(kept)
    texts = {code: column.filter(kept) for code, column in texts.items()}
    missing = pa.nulls(table.num_rows, pa.string())
    columns = [
        _row_ids(table, source, texts),
        _given(table, "domain", source.domain or source.name),
        _splits(table, source),
        _given(table, "origin", source.origin),
        *(texts.get(code, missing) for code in codes),
    ]
    return pa.Table.from_arrays(columns, schema=corpus_schema(codes))


def normalised(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The one normalisation; null when nothing is left."""
    return no_empty(normalise(column))


def no_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Empty text becomes null."""
    return pc.if_else(pc.equal(column, ""), None, column)


def filled(texts: Mapping[str, pa.ChunkedArray], codes: Sequence[str], rows: int) -> npt.NDArray[np.int64]:
    """Number of filled cells of each row among `codes`, [rows]."""
    count = np.zeros(rows, np.int64)
    for code in codes:
        if code in texts:
            count += texts[code].is_valid().to_numpy()
    return count


def _row_ids(table: pa.Table, source: SourceConfig, texts: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray | pa.Array:
    if "row_id" in table.column_names:
        if table["row_id"].null_count:
            raise InputError(f"source '{source.name}': a row without row_id")
        return table["row_id"]
    cells = [normalised(texts[code]).to_pylist() for code in texts]
    ids = []
    for row in zip(*cells, strict=True):
        said = "\n".join(f"{code}\t{text}" for code, text in zip(texts, row, strict=True) if text)
        ids.append(f"{source.name}:{hashlib.blake2b(said.encode(), digest_size=_ID_BYTES).hexdigest()}")
    return pa.array(ids, pa.string())


def _given(table: pa.Table, name: str, otherwise: str) -> pa.ChunkedArray | pa.Array:
    if name in table.column_names:
        return pc.coalesce(table[name], otherwise)
    return pa.repeat(pa.scalar(otherwise, pa.string()), table.num_rows)


def _splits(table: pa.Table, source: SourceConfig) -> pa.Array:
    if source.split:
        return pa.repeat(pa.scalar(source.split, pa.string()), table.num_rows)
    if "split" not in table.column_names:
        return pa.nulls(table.num_rows, pa.string())
    encoded = table["split"].combine_chunks().dictionary_encode()
    names = []
    for value in encoded.dictionary.to_pylist():
        split = source.split_of(value)
        if split is None:
            row = table["split"].index(value).as_py()
            known = " ".join(sorted(source.split_names)) or "train dev test"
            raise InputError(
                f"source '{source.name}': row {table_row(table, row)} has unknown split '{value}'; known: {known}"
            )
        names.append(split)
    return pa.array(names, pa.string()).take(encoded.indices)


def table_row(table: pa.Table, index: int) -> str:
    """How to name a row in a message: its id, or else its text."""
    row = table.slice(index, 1).to_pylist()[0]
    return str(row.get("row_id") or next(value for key, value in row.items() if key in CODES and value))
