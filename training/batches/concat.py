"""Encoded corpora read as one, without a copy: rows of people first, synthetic and augmented ones behind them."""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from training.batches.encoded import EncodedCorpus

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]


class EncodedRows(Protocol):
    """Token ids of some rows: a corpus on disk, or messages in memory."""

    @property
    def row_count(self) -> int:
        """Rows."""
        ...

    def column(self, code: str) -> "tuple[Array, Array]":
        """Flat token ids of a language, and the rows' offsets into them [rows + 1]."""
        ...


class ConcatCorpus:
    """Encoded rows of one vocabulary; those of each part are numbered behind those of the part before it.

    Attributes:
        encoded: the first part.
        parts: all of them.
        starts: [parts] number of each one's first row.
    """

    def __init__(self, encoded: EncodedCorpus, *others: EncodedRows) -> None:
        """Put them one behind the other.

        Raises:
            InputError: they are of different vocabularies.
        """
        for part in others:
            if isinstance(part, EncodedCorpus) and part.vocabulary_digest != encoded.vocabulary_digest:
                raise InputError(
                    f"{part.directory}: made with another vocabulary than {encoded.directory} "
                    f"({part.vocabulary_digest}, wanted {encoded.vocabulary_digest})"
                )
        self.encoded = encoded
        self.parts: tuple[EncodedRows, ...] = (encoded, *others)
        sizes = np.array([part.row_count for part in self.parts])
        self.starts = np.cumsum(sizes) - sizes

    def part_of(self, rows: "Array") -> "Array":
        """Which part each row is of [n]."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def columns(self, languages: "Array", rows: "Array") -> "Iterator[tuple[Array, Array, Array, Array]]":
        """Cells [n] of languages and rows, column by column in the order of the files.

        Yields:
            The column's share of the cells [m], its token ids, its offsets, and the cells' rows in it [m].
        """
        parts = self.part_of(rows)
        column = languages.astype(np.int64) * len(self.parts) + parts
        order = np.argsort((column << 40) | rows)
        for start, stop in pairwise(np.flatnonzero(np.diff(column[order], prepend=-1, append=-1)).tolist()):
            cells = order[start:stop]
            part = int(parts[cells[0]])
            tokens, offsets = self.parts[part].column(CODES[languages[cells[0]]])
            yield cells, tokens, offsets, rows[cells] - self.starts[part]

    def lengths(self, languages: "Array", rows: "Array") -> "Array":
        """Tokens of each cell [n], 0 where it is empty. Tags and end are not counted."""
        found = np.zeros(len(rows), np.int64)
        for cells, _, offsets, inside in self.columns(languages, rows):
            found[cells] = offsets[inside + 1] - offsets[inside]
        return found

    def tokens(self, languages: "Array", rows: "Array") -> list[list[int]]:
        """Token ids of each cell [n]."""
        found: list[list[int]] = [[] for _ in rows]
        for cells, tokens, offsets, inside in self.columns(languages, rows):
            for cell, start, stop in zip(cells.tolist(), offsets[inside], offsets[inside + 1], strict=True):
                found[cell] = tokens[start:stop].tolist()
        return found
