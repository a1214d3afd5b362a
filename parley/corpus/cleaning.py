"""Cleaning of a multiway table: filters one after the other, each counted, rows with fewer than two cells dropped."""

import zlib
from collections import Counter
from collections.abc import Sequence
from heapq import nsmallest
from typing import Final

import numpy as np
import pyarrow as pa

from parley.corpus.cleaning_report import EXAMPLES, CleaningReport, Example, FilterReport
from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.languages.table import language
from parley.pipeline.errors import InputError

CHUNK_ROWS: Final = 16_384  # its columns fit the processor's cache


class Cleaner:
    """Runs the configured filters over tables with the columns row_id and one per language (others are kept as is).

    Raises:
        InputError: unknown language or filter.
    """

    def __init__(self, config: CleaningConfig, languages: Sequence[str]) -> None:
        for name in config.steps:
            FILTERS[name]
        self.config = config
        self.languages = tuple(language(code).code for code in languages)

    def clean(self, table: pa.Table) -> tuple[pa.Table, CleaningReport]:
        """Clean a table; languages it lacks are left out, the order of rows and columns is kept.

        Raises:
            InputError: no column `row_id`.
        """
        languages = [code for code in self.languages if code in table.column_names]
        if "row_id" not in table.column_names:
            raise InputError(f"a table to clean needs the column 'row_id'; it has {' '.join(table.column_names)}")
        parts, reports = [], [CleaningReport({name: FilterReport(name) for name in self.config.steps})]
        for start in range(0, table.num_rows, CHUNK_ROWS):
            part, report = self._clean_chunk(table.slice(start, CHUNK_ROWS), languages)
            parts.append(part)
            reports.append(report)
        return pa.concat_tables(parts) if parts else table, sum(reports[1:], start=reports[0])

    def _clean_chunk(self, table: pa.Table, languages: Sequence[str]) -> tuple[pa.Table, CleaningReport]:
        cells = Cells(table, languages)
        row_ids = table["row_id"].combine_chunks()
        filters = {name: apply_filter(name, cells, self.config, row_ids) for name in self.config.steps}
        return _table_of(table, cells), CleaningReport(filters)


def apply_filter(name: str, cells: Cells, config: CleaningConfig, row_ids: pa.Array) -> FilterReport:
    """Run one filter: takes cells and rows out of `cells.filled` and counts them."""
    before = cells.filled
    texts = {code: cells.columns[code].array for code in cells.languages}
    cells.changed = cells.empty_mask()
    dropped = FILTERS[name](cells, config) & before
    remaining = before & ~dropped
    stranded = remaining & (remaining.sum(axis=1, keepdims=True) < 2)
    cells.filled = remaining & ~stranded
    shown = dropped if dropped.any() else cells.changed & before
    return FilterReport(
        name,
        int(before.any(axis=1).sum()),
        int(cells.filled.any(axis=1).sum()),
        int(before.sum()),
        int(cells.filled.sum()),
        _per_language(dropped, cells.languages),
        _per_language(stranded, cells.languages),
        _per_language(cells.changed & before, cells.languages),
        _examples(name, shown, before, cells, texts, row_ids),
    )


def _per_language(mask: Mask, languages: Sequence[str]) -> Counter[str]:
    return Counter({code: int(count) for code, count in zip(languages, mask.sum(axis=0), strict=True) if count})


def _examples(
    name: str, shown: Mask, before: Mask, cells: Cells, texts: dict[str, pa.Array], row_ids: pa.Array
) -> list[tuple[int, Example]]:
    """The cells of a mask with the smallest hashes, each with the first other cell of its row."""
    rows, columns = np.nonzero(shown)
    ids = row_ids.take(rows).to_pylist()
    keys = [f"{name}|{cells.languages[column]}|{row_id}" for row_id, column in zip(ids, columns, strict=True)]
    examples = []
    for rank, place in nsmallest(EXAMPLES, ((zlib.crc32(key.encode()), place) for place, key in enumerate(keys))):
        row, column = rows[place], columns[place]
        code = cells.languages[column]
        example = {"row_id": ids[place], "language": code, "text": texts[code][row].as_py()}
        others = [index for index in np.flatnonzero(before[row]) if index != column]
        if cells.changed[row, column]:
            example["becomes"] = cells.columns[code].array[row].as_py()
        elif others:
            other = cells.languages[others[0]]
            example |= {"other_language": other, "other_text": texts[other][row].as_py()}
        examples.append((rank, example))
    return examples


def _table_of(table: pa.Table, cells: Cells) -> pa.Table:
    """The table with dropped cells null and dropped rows gone."""
    for index, code in enumerate(cells.languages):
        kept = pa.array(cells.filled[:, index])
        array = pa.compute.if_else(kept, cells.columns[code].array, pa.scalar(None, pa.string()))
        table = table.set_column(table.column_names.index(code), code, array)
    return table.filter(pa.array(cells.filled.any(axis=1)))
