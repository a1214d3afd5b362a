"""Digits of a message."""

import unicodedata
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow.compute as pc

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.majority import outvoted
from parley.corpus.filters.registry import FILTERS
from parley.corpus.text_column import TextColumn, mixed
from parley.languages.scripts import CharacterClass, class_table

# Odd, unrelated weights of the digits: sums of them (wrapping at 2**64) tell multisets of digits apart.
_DIGIT_WEIGHTS: Final = mixed(np.arange(1, 11, dtype=np.uint64)) | np.uint64(1)
_CLOCK: Final = r"(?i)[0-9] ?[ap]\.?m\b"
# So many (zeros do not count) may be missing or added: small numbers are written out ("two") and reworded.
_TOLERATED_DIGITS: Final = 2


@FILTERS.register("numbers")
def numbers(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells whose digits differ from the row's; order, separators and the digits' script do not matter.

    Zeros are not compared (10 million is 1000万, 5 o'clock is 5:00), and a few digits may be missing, because languages
    write small numbers in words. So a cell goes when it lacks digits and has others instead, or when too many are
    missing or added. Rows with a.m. or p.m. are let through: elsewhere 9 p.m. is 21:00.
    """
    digits = [_digits(cells.columns[code]) for code in cells.languages]
    signatures, mask = cells.empty_mask().astype(np.uint64), cells.empty_mask()
    for index, (rows, values) in enumerate(digits):
        np.add.at(signatures[:, index], rows, _DIGIT_WEIGHTS[values])
    winner = outvoted(signatures, cells.filled & (signatures != 0))[1]
    elected = np.take_along_axis(signatures, winner[:, None], axis=1)
    split = np.flatnonzero((cells.filled & (signatures != elected)).any(axis=1))
    counts = np.stack([_digit_counts(rows, values, split) for rows, values in digits], axis=1)
    difference = counts - np.take_along_axis(counts, winner[split][:, None, None], axis=1)
    added, missing = np.maximum(difference, 0).sum(axis=2), np.maximum(-difference, 0).sum(axis=2)
    mask[split] = ((added > 0) & (missing > 0)) | (added > _TOLERATED_DIGITS) | (missing > _TOLERATED_DIGITS)
    if "en" in cells.languages:
        clock = pc.match_substring_regex(cells.columns["en"].array, _CLOCK)
        mask &= ~pc.fill_null(clock, False).to_numpy(zero_copy_only=False)[:, None]
    return mask


@lru_cache(maxsize=1)
def _digit_values() -> np.ndarray:
    """The value of every code point that is a digit, uint8[0x110000]."""
    values = np.zeros(len(class_table()), np.uint8)
    digits = np.flatnonzero(class_table() == CharacterClass.DIGIT)
    values[digits] = [unicodedata.digit(chr(point)) for point in digits.tolist()]
    return values


def _digits(column: TextColumn) -> tuple[np.ndarray, np.ndarray]:
    """The digits from 1 to 9 of a column: the row of each, ascending, and its value."""
    places = np.flatnonzero(column.classes == CharacterClass.DIGIT)
    values = _digit_values()[column.code_points[places]]
    rows = np.searchsorted(column.starts, places[values > 0], side="right") - 1
    return rows, values[values > 0]


def _digit_counts(rows: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How often each digit stands in each of the `wanted` rows, int64[len(wanted), 10]."""
    places = np.searchsorted(wanted, rows)
    inside = np.append(wanted, -1)[places] == rows
    return np.bincount(places[inside] * 10 + values[inside], minlength=len(wanted) * 10).reshape(-1, 10)
