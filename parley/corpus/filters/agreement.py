"""What must be the same in every language: numbers, placeholders, URLs.

A cell is summed up by a signature; the signature that most cells of the row share wins (of equally many, the earliest
language's), and cells with another one are dropped.
"""

import re
import unicodedata
import zlib
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow.compute as pc

from parley.corpus.cleaning_config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.text_column import TextColumn, mixed
from parley.languages.scripts import CharacterClass, class_table

# Odd, unrelated weights of the digits: sums of them (wrapping at 2**64) tell multisets of digits apart.
_DIGIT_WEIGHTS: Final = mixed(np.arange(1, 11, dtype=np.uint64)) | np.uint64(1)
_PLACEHOLDER: Final = re.compile(
    r"\{\{?[A-Za-z0-9_.]*\}?\}|%(?:\d+\$)?(?:[sdiu@]|\.?\d*f)(?![A-Za-z])|\$\{[A-Za-z0-9_.]+\}|</?[a-z][^<>]*>"
)
_URL: Final = re.compile(r"https?://[^\s<>]+|www\.[A-Za-z0-9-]+\.[a-z]{2,}|[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[a-z]{2,}")
# Characters without which there is no match, so that most cells are passed over quickly.
_PLACEHOLDER_HINT: Final = "[{%<]"
_URL_HINT: Final = r"://|www\.|@"
_CLOCK: Final = r"(?i)[0-9] ?[ap]\.?m\b"


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
    winner = _outvoted(signatures, cells.filled & (signatures != 0))[1]
    elected = np.take_along_axis(signatures, winner[:, None], axis=1)
    split = np.flatnonzero((cells.filled & (signatures != elected)).any(axis=1))
    counts = np.stack([_digit_counts(rows, values, split) for rows, values in digits], axis=1)
    difference = counts - np.take_along_axis(counts, winner[split][:, None, None], axis=1)
    added, missing = np.maximum(difference, 0).sum(axis=2), np.maximum(-difference, 0).sum(axis=2)
    limit = config.numbers.tolerated_digits
    mask[split] = ((added > 0) & (missing > 0)) | (added > limit) | (missing > limit)
    if "en" in cells.languages:
        clock = pc.match_substring_regex(cells.columns["en"].array, _CLOCK)
        mask &= ~pc.fill_null(clock, False).to_numpy(zero_copy_only=False)[:, None]
    return mask


def placeholders(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells whose placeholders ({0}, %s, %1$d, ${name}, <b>) are not the row's."""
    return _outvoted(_signatures(cells, _PLACEHOLDER_HINT, _PLACEHOLDER, exact=True), cells.filled)[0]


def urls(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells with more or fewer URLs and mail addresses than the row; their text may be local."""
    return _outvoted(_signatures(cells, _URL_HINT, _URL, exact=False), cells.filled)[0]


def _outvoted(signatures: np.ndarray, voting: Mask) -> tuple[Mask, np.ndarray]:
    """Cells that vote for another signature than the winner, and each row's winning column."""
    mask, winner = np.zeros_like(voting), np.argmax(voting, axis=1)
    first = np.take_along_axis(signatures, winner[:, None], axis=1)
    rows = np.flatnonzero((voting & (signatures != first)).any(axis=1))
    votes = np.zeros((len(rows), signatures.shape[1]), np.int64)
    ballots, voters = signatures[rows], voting[rows]
    for column in range(signatures.shape[1]):
        votes += voters & voters[:, [column]] & (ballots == ballots[:, [column]])
    winner[rows] = np.argmax(votes, axis=1)
    elected = np.take_along_axis(ballots, winner[rows][:, None], axis=1)
    mask[rows] = voters & (ballots != elected)
    return mask, winner


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


def _signatures(cells: Cells, hint: str, pattern: re.Pattern[str], exact: bool) -> np.ndarray:
    """A hash of what each cell has of a pattern (the multiset, or with `exact` off only how many), uint64[N, L]."""
    signatures = cells.empty_mask().astype(np.uint64)
    for index, code in enumerate(cells.languages):
        array = cells.columns[code].array
        rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(array, hint), False))
        for row, text in zip(rows.tolist(), array.take(rows).to_pylist(), strict=True):
            found = pattern.findall(text)
            if found:
                signatures[row, index] = zlib.crc32("\0".join(sorted(found)).encode()) + 1 if exact else len(found)
    return signatures
