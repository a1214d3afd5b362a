"""Letters at all."""

from typing import Final

import numpy as np

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.corpus.text_column import TextColumn
from parley.languages.scripts import CharacterClass

_LEAST: Final = 0.3  # of the characters other than spaces; less is a formula, a table or a smiley


@FILTERS.register("letters")
def letters(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells with too few letters among their characters."""

    def judge(column: TextColumn, code: str) -> np.ndarray:
        spaces = column.class_counts[:, CharacterClass.SPACE]
        return (column.letters == 0) | (column.letters < _LEAST * (column.lengths - spaces))

    return cells.by_language(judge)
