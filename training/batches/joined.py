"""Two encoded corpora read as one, without a copy: human rows first, synthetic rows behind them."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from training.batches.encoded import EncodedCorpus

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

DIRECTION: Final = "direction"  # column of `rows.parquet` of a corpus whose rows may be used one way only


class JoinedCorpus:
    """Encoded corpora of one vocabulary; the rows of each are numbered behind those of the one before it.

    Attributes:
        parts: the corpora.
        starts: [parts] number of each one's first row.
        rows: rows of all.
    """

    def __init__(self, *parts: EncodedCorpus) -> None:
        """Join them.

        Raises:
            InputError: they are of different vocabularies.
        """
        first = parts[0]
        for part in parts[1:]:
            if part.vocabulary_digest != first.vocabulary_digest:
                raise InputError(
                    f"{part.directory}: made with another vocabulary than {first.directory} "
                    f"({part.vocabulary_digest}, wanted {first.vocabulary_digest})"
                )
        self.parts = parts
        sizes = np.array([part.table.num_rows for part in parts])
        self.starts = np.cumsum(sizes) - sizes
        self.rows = int(sizes.sum())
        self.pad_id, self.eos_id, self.auto_id = first.pad_id, first.eos_id, first.auto_id
        self.language_ids = first.language_ids

    def lengths(self) -> "Array":
        """Tokens of every cell [languages of CODES, rows], 0 where it is empty."""
        found = np.zeros((len(CODES), self.rows), np.int32)
        for part, start in zip(self.parts, self.starts.tolist(), strict=True):
            for code in part.languages:
                found[CODES.index(code), start : start + part.table.num_rows] = part.lengths(code)
        return found

    def part_of(self, rows: "Array") -> "Array":
        """Which part each row is of [n]."""
        return np.searchsorted(self.starts, rows, side="right") - 1


def one_way_rows(encoded: EncodedCorpus) -> "dict[str, Array]":
    """Rows by the one direction that they may be used in, in the order of the file.

    Raises:
        InputError: a corpus without that column.
    """
    if DIRECTION not in encoded.table.column_names:
        raise InputError(f"{encoded.directory}: its rows have no '{DIRECTION}'")
    names = np.array(encoded.table[DIRECTION].to_pylist())
    return {str(name): np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())}
