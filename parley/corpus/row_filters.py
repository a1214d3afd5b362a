"""Dropping whole rows, with a count and examples."""

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest

import numpy as np
import pyarrow as pa

from parley.corpus.cleaning_report import EXAMPLES, CleaningReport, Example, FilterReport
from parley.corpus.keys import languages_of


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
