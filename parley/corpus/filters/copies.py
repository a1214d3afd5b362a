"""Cells that were never translated: equal to another language's cell of the same row."""

from itertools import combinations

import numpy as np

from parley.corpus.cleaning_config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.languages.table import share_text


def copies(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop the later of two cells with equal normal form, if it is long enough not to be a name."""
    keys = {}
    for index, code in enumerate(cells.languages):
        column = cells.columns[code]
        long = cells.filled[:, index] & (column.letters >= config.copies.min_letters)
        keys[code] = np.where(long, column.keys, 0)
    mask = cells.empty_mask()
    for (_, first), (later, second) in combinations(enumerate(cells.languages), 2):
        if not share_text(first, second):
            mask[:, later] |= (keys[first] == keys[second]) & (keys[second] != 0)
    return mask
