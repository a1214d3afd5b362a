"""Which rows a pair of languages can use: addressed by presence instead of listed.

A bit for each language and row says whether the cell is there and short enough; the rows of a pair are those with both
bits. Running counts by pair and block of rows find the k-th of them in O(log rows). With 16 languages that is 3 bytes a
row, with any number of pairs that share it.

P pairs, N rows in blocks of `BLOCK`, L languages, W words of a block.
"""

from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from parley.languages.table import CODES
from training.batches.encoded import EncodedCorpus

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

BLOCK: Final = 1024  # rows counted together
_STRETCH: Final = 64 * BLOCK  # rows looked at together
_WORD: Final = 64  # rows in a word of bits


class PairRows:
    """The rows of a split in which both languages of a pair are there, each in up to `longest` tokens.

    Attributes:
        usable: [L, L] rows of each pair.
        too_long: [L, L] rows left out for their length.
        target_tokens: [L, L] tokens of all usable rows in the second language.
        languages: codes by place in these.
    """

    def __init__(self, encoded: EncodedCorpus, split: str, longest: int, chosen: "Array | None" = None) -> None:
        """Look at every row once, a stretch at a time; of the split those that are `chosen` [rows], or all.

        Raises:
            InputError: the split is empty.
        """
        self.languages = encoded.languages
        count, blocks = len(self.languages), -(-encoded.row_count // BLOCK)
        self._pairs = np.array(list(combinations(range(count), 2)), np.int64).reshape(-1, 2)
        self._bits = np.zeros((count, blocks, BLOCK // _WORD), np.uint64)
        counts = np.zeros((len(self._pairs), blocks), np.int64)
        present, fitting, self.target_tokens = (np.zeros((count, count), np.int64) for _ in range(3))
        inside = encoded.in_split(split) if chosen is None else encoded.in_split(split) & chosen
        for start in range(0, encoded.row_count, _STRETCH):
            rows = slice(start, min(start + _STRETCH, encoded.row_count))
            lengths = np.stack([encoded.lengths(code, rows) for code in self.languages], axis=1) * inside[rows, None]
            fits = (lengths > 0) & (lengths <= longest)
            here = slice(start // BLOCK, -(-rows.stop // BLOCK))
            together = self._mark(fits, here)
            counts[:, here] = together[:, *self._pairs.T].T
            present += _together(lengths > 0, lengths > 0)
            fitting += together.sum(axis=0)
            self.target_tokens += _together(fits, lengths * fits)
        self.usable, self.too_long = fitting, present - fitting
        self._before = np.concatenate([[0], counts.ravel()]).cumsum()  # usable rows before a block, pair after pair
        self._blocks = blocks

    def _mark(self, fits: "Array", blocks: slice) -> "Array":
        """Set the bits of a stretch of rows [n, L]; gives, by block, the rows of each pair [blocks, L, L]."""
        padded = np.pad(fits, ((0, -len(fits) % BLOCK), (0, 0))).reshape(-1, BLOCK, fits.shape[1])
        by_language = np.ascontiguousarray(padded.transpose(2, 0, 1))
        self._bits[:, blocks] = np.packbits(by_language, axis=-1, bitorder="little").view(np.uint64)
        ones = padded.astype(np.float32)
        return np.matmul(ones.transpose(0, 2, 1), ones).astype(np.int64)

    def find(self, source: "Array", target: "Array", place: "Array") -> "Array":
        """The row [n] at a place [n] among the rows of each message's pair, languages [n] as indices into CODES."""
        numbers = self._numbers()
        pair = numbers[source, target]
        block, rest = self._block_of(pair, place)
        first, second = self._pairs[pair].T
        words = self._bits[first, block] & self._bits[second, block]
        return block * BLOCK + _place_of_bit(words, rest)

    def _numbers(self) -> "Array":
        """Number of each pair by its languages' indices into CODES."""
        numbers = np.zeros((len(CODES), len(CODES)), np.int64)
        known = np.array([CODES.index(code) for code in self.languages])
        first, second = known[self._pairs].T
        numbers[first, second] = numbers[second, first] = np.arange(len(self._pairs))
        return numbers

    def _block_of(self, pair: "Array", place: "Array") -> "tuple[Array, Array]":
        """The block that holds the row at a place of a pair, and the row's place among the pair's rows in it."""
        place = self._before[pair * self._blocks] + place
        found = np.searchsorted(self._before, place, side="right") - 1
        return found % self._blocks, place - self._before[found]


def _together(left: "Array", right: "Array") -> "Array":
    """[L, L] sums over the rows of products of the columns of two [n, L]."""
    return (left.T.astype(np.float64) @ right.astype(np.float64)).astype(np.int64)


def _place_of_bit(words: "Array", number: "Array") -> "Array":
    """Where the bit with a number [n], counted from 0, is set among the bits of words [n, W]."""
    each = np.arange(len(words))
    counts = np.bitwise_count(words).cumsum(axis=1, dtype=np.uint16)
    word = (counts <= number[:, None]).sum(axis=1)
    left = number - np.where(word > 0, counts[each, word - 1], 0)
    bits = np.unpackbits(words[each, word].view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    return word * _WORD + (bits.cumsum(axis=1) <= left[:, None]).sum(axis=1)
