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

from training.corpus.cleaning_config import CleaningConfig
from training.corpus.filters.cells import Cells, Mask
from training.corpus.text_column import TextColumn
from training.scripts_of_text import CharacterClass, class_table

_PLACEHOLDER: Final = r"\{\{?[A-Za-z0-9_.]*\}?\}|%(?:\d+\$)?(?:[sdiu@]|\.?\d*f)\b|\$\{[A-Za-z0-9_.]+\}|</?[a-z][^<>]*>"
_URL: Final = r"https?://[^\s<>]+|www\.[A-Za-z0-9-]+\.[a-z]{2,}|[\w.+-]+@[\w-]+\.[a-z]{2,}"
# Weights by which the digits 1 to 9 are counted in a sum; odd, unrelated, wrapping at 2**64. Zeros are not counted:
# "10 million" is 1000万, and 5 o'clock is 5:00.
_DIGIT_WEIGHTS: Final = np.array(
    [0] + [zlib.crc32(bytes([digit])) * 0x9E3779B97F4A7C15 % 2**64 | 1 for digit in range(1, 10)], dtype=np.uint64
)


def numbers(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells whose digits differ from the row's; order, separators and the digits' script do not matter.

    A number may be written out in words, so a cell without digits passes unless the row's number is a long one.
    """
    signatures, amounts = cells.empty_mask().astype(np.uint64), cells.empty_mask().astype(np.int64)
    for index, code in enumerate(cells.languages):
        signatures[:, index], amounts[:, index] = _digit_signatures(cells.columns[code])
    with_digits = cells.filled & (signatures != 0)
    differs, winner = _outvoted(signatures, with_digits)
    required = amounts[np.arange(cells.rows), winner] >= config.numbers.required_digits
    return differs | (cells.filled & (amounts == 0) & required[:, None])


def placeholders(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells whose placeholders ({0}, %s, %1$d, ${name}, <b>) are not the row's."""
    return _outvoted(_pattern_signatures(cells, _PLACEHOLDER, exact=True), cells.filled)[0]


def urls(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells with more or fewer URLs and mail addresses than the row; their text may be local."""
    return _outvoted(_pattern_signatures(cells, _URL, exact=False), cells.filled)[0]


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


def _digit_signatures(column: TextColumn) -> tuple[np.ndarray, np.ndarray]:
    """A hash of each cell's multiset of digits 1 to 9, uint64[N], and how many digits it has, int64[N]."""
    places = np.flatnonzero(column.classes == CharacterClass.DIGIT)
    weights = _DIGIT_WEIGHTS[_digit_values()[column.code_points[places]]]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(weights, dtype=np.uint64)])
    edges = np.searchsorted(places, column.starts)
    return sums[edges[1:]] - sums[edges[:-1]], np.diff(edges)


def _pattern_signatures(cells: Cells, pattern: str, exact: bool) -> np.ndarray:
    """A hash of what each cell has of a pattern (the multiset, or with `exact` off only how many), uint64[N, L]."""
    signatures = cells.empty_mask().astype(np.uint64)
    compiled = re.compile(pattern)
    for index, code in enumerate(cells.languages):
        array = cells.columns[code].array
        rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(array, pattern), False))
        for row, text in zip(rows.tolist(), array.take(rows).to_pylist(), strict=True):
            found = compiled.findall(text)
            signatures[row, index] = zlib.crc32("\0".join(sorted(found)).encode()) + 1 if exact else len(found)
    return signatures
