"""Cells that were never translated: equal to another language's cell of the same row."""

from itertools import combinations
from typing import Final

import numpy as np

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.languages.table import share_text

_MIN_LETTERS: Final = 20  # shorter copies may be names, brands or loanwords


@FILTERS.register("copies")
def copies(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop the later of two cells with equal normal form, if it is long enough not to be a name."""
    keys = {}
    for index, code in enumerate(cells.languages):
        column = cells.columns[code]
        long = cells.filled[:, index] & (column.letters >= _MIN_LETTERS)
        keys[code] = np.where(long, column.keys, 0)
    mask = cells.empty_mask()
    for (_, first), (later, second) in combinations(enumerate(cells.languages), 2):
        if not share_text(first, second):
            mask[:, later] |= (keys[first] == keys[second]) & (keys[second] != 0)
    return mask
