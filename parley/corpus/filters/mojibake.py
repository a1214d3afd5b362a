"""Text decoded with the wrong table."""

import numpy as np
import pyarrow as pa

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.corpus.text_column import TextColumn
from parley.languages.mojibake import misread, suspected


@FILTERS.register("mojibake")
def mojibake(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells that make sense only when they are decoded again. Runs first: tidying text takes bytes away."""
    return cells.by_language(lambda column, code: _misread(column))


def _misread(column: TextColumn) -> np.ndarray:
    found = np.zeros(len(column), bool)
    places = np.flatnonzero(suspected(column.code_points))
    rows = np.unique(np.searchsorted(column.starts, places, side="right") - 1)
    found[rows] = [misread(text or "") for text in column.array.take(pa.array(rows)).to_pylist()]
    return found
