"""Text that loops: one character, syllable, word or phrase over and over."""

import re
from typing import Final

import numpy as np

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.corpus.text_column import TextColumn

_MAX_CHARACTERS: Final = 12  # copies of one character in a row
_MAX_PATTERNS: Final = 6  # copies of one pattern of 2 to _MAX_PERIOD characters: syllables, words, short phrases
_MAX_PERIOD: Final = 16


@FILTERS.register("repetition")
def repetition(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells in which a character or a pattern stands more often in a row than allowed.

    Where at least half of the row's other cells loop as well, the loop is part of the message.
    """

    def judge(column: TextColumn, code: str) -> np.ndarray:
        loops = _loops(column, 1, _MAX_CHARACTERS)
        for period in range(2, _MAX_PERIOD + 1):
            loops |= _loops(column, period, _MAX_PATTERNS)
        return loops

    loops = cells.by_language(judge) & cells.filled
    others, looping = cells.filled.sum(axis=1, keepdims=True) - 1, loops.sum(axis=1, keepdims=True) - 1
    return loops & (2 * looping < np.maximum(others, 1))


def _loops(column: TextColumn, period: int, allowed: int) -> np.ndarray:
    """Cells in which a pattern of `period` characters stands more than `allowed` times in a row, bool[N]."""
    loops = np.zeros(len(column), bool)
    points = column.code_points
    same = (points[period:] == points[:-period])[: (len(points) - period) // 4 * 4]
    # A loop is a run of `period * allowed` characters that are equal to those one period on. Such a run covers this
    # many aligned groups of four, which are quick to find; the few cells that have them are then matched exactly.
    groups = (period * allowed - 3) // 4
    whole = same.view(np.uint32) == 0x01010101
    for step in range(1, groups):
        if not whole.any():
            return loops
        whole = whole[:-1] & (same.view(np.uint32) == 0x01010101)[step:][: len(whole) - 1]
    pattern = re.compile(f"(.{{{period}}})\\1{{{allowed}}}", re.DOTALL)
    suspects = np.unique(np.searchsorted(column.starts, 4 * np.flatnonzero(whole), side="right") - 1)
    for cell in suspects.tolist():
        loops[cell] = pattern.search(column.array[cell].as_py() or "") is not None
    return loops
