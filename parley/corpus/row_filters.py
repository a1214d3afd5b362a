"""What the filters that compare whole rows share: the train rows, keys of all cells, dropping rows with a count."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.cleaning_report import EXAMPLES, CleaningReport, Example, FilterReport
from parley.corpus.text_column import TextColumn
from parley.languages.table import CODES

CHUNK_ROWS: Final = 16_384
TRAIN: Final = "train"


def languages_of(table: pa.Table) -> tuple[str, ...]:
    """The language columns of a table."""
    return tuple(code for code in CODES if code in table.column_names)


def train_rows(table: pa.Table) -> np.ndarray:
    """Which rows are in train, bool[N]; all of them in a table that is not split yet."""
    if "split" not in table.column_names:
        return np.ones(table.num_rows, bool)
    return pc.fill_null(pc.equal(table["split"], TRAIN), False).to_numpy()


def chunks(column: pa.ChunkedArray) -> Iterator[tuple[int, TextColumn]]:
    """A column in pieces that fit the processor's cache, each with its first row."""
    for start in range(0, len(column), CHUNK_ROWS):
        yield start, TextColumn(column.slice(start, CHUNK_ROWS))


def cell_keys(table: pa.Table, code: str) -> np.ndarray:
    """Hashes of the normal forms of one language's cells, uint64[N]; 0 for null cells and those without text."""
    parts = [column.keys for _, column in chunks(table[code])]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def language_salt(code: str) -> np.uint64:
    """A number by which equal texts in two languages differ."""
    return np.uint64(zlib.crc32(code.encode()) * 0x9E3779B97F4A7C15 % 2**64)


def drop_rows(
    name: str, table: pa.Table, dropped: np.ndarray, explain: Callable[[int], Mapping[str, str]]
) -> tuple[pa.Table, CleaningReport]:
    """The table without the rows in `dropped`, bool[N], and the report; `explain(row)` completes a row's example."""
    languages = languages_of(table)
    filled = {code: table[code].is_valid().to_numpy() for code in languages}
    lost = Counter({code: int(count) for code in languages if (count := (filled[code] & dropped).sum())})
    cells = int(sum(mask.sum() for mask in filled.values()))
    report = FilterReport(
        name,
        table.num_rows,
        table.num_rows - int(dropped.sum()),
        cells,
        cells - lost.total(),
        lost,
        examples=_examples(name, table, np.flatnonzero(dropped), languages, explain),
    )
    kept = table.filter(pa.array(~dropped)) if dropped.any() else table
    return kept, CleaningReport({name: report})


def _examples(
    name: str, table: pa.Table, rows: np.ndarray, languages: Sequence[str], explain: Callable[[int], Mapping[str, str]]
) -> list[tuple[int, Example]]:
    ids = table["row_id"].take(rows).to_pylist()
    ranks = [zlib.crc32(f"{name}|{row_id}".encode()) for row_id in ids]
    examples = []
    for rank, place in nsmallest(EXAMPLES, zip(ranks, range(len(ranks)), strict=True)):
        row = int(rows[place])
        texts = ((code, table[code][row].as_py()) for code in languages)
        code, text = next(((code, text) for code, text in texts if text is not None), ("", ""))
        examples.append((rank, {"row_id": ids[place], "language": code, "text": text, **explain(row)}))
    return examples
