"""The corpus as token ids: each language's column encoded once, memory-mapped, shared by all directions that use it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parley.languages.table import language, pair
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    Int64Array = np.ndarray[Any, np.dtype[np.int64]]
    Int32Array = np.ndarray[Any, np.dtype[np.int32]]

META: Final = "meta.json"
ROWS: Final = "rows.parquet"


@dataclass(frozen=True)
class EncodedCorpus:
    """A corpus of token ids, memory-mapped.

    Attributes:
        languages: codes that have a column.
        vocabulary_digest: of the tokenizer that made the ids.
        withheld_pairs: pairs such as `fr-th` that must never be trained on directly, in either direction.
        language_ids: id of the tag of each language that the vocabulary knows, by code.
    """

    directory: Path
    languages: tuple[str, ...]
    vocab_size: int
    vocabulary_digest: str
    withheld_pairs: tuple[str, ...]
    pad_id: int
    eos_id: int
    auto_id: int
    language_ids: Mapping[str, int]
    dtype: str

    @classmethod
    def open(cls, directory: str | Path) -> "EncodedCorpus":
        """Open a finished encoded corpus.

        Raises:
            InputError: not one, or written by another version.
        """
        directory = Path(directory)
        try:
            meta = json.loads((directory / META).read_text())
            for key in ("languages", "withheld_pairs"):
                meta[key] = tuple(meta[key])
            return cls(directory=directory, **meta)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{directory}: not an encoded corpus ({error})") from error

    @cached_property
    def table(self) -> pa.Table:
        """Columns row_id, split, domain, origin of every row."""
        return pq.read_table(self.directory / ROWS, read_dictionary=["split", "domain", "origin"])

    @cached_property
    def _columns(self) -> "dict[str, tuple[np.ndarray, Int64Array]]":
        return {code: self._map(code) for code in self.languages}

    def _map(self, code: str) -> "tuple[np.ndarray, Int64Array]":
        offsets = np.load(self.directory / f"{code}.offsets.npy", mmap_mode="r", allow_pickle=False)
        path = self.directory / f"{code}.tokens.bin"
        if path.stat().st_size != int(offsets[-1]) * np.dtype(self.dtype).itemsize:
            raise InputError(f"{path}: truncated: {path.stat().st_size} bytes for {int(offsets[-1])} tokens")
        tokens = np.asarray(np.memmap(path, self.dtype, mode="r")) if offsets[-1] else np.zeros(0, self.dtype)
        return tokens, np.asarray(offsets)

    def column(self, code: str) -> "tuple[np.ndarray, Int64Array]":
        """Flat token ids of a language, and the rows' offsets into them [rows + 1].

        Raises:
            InputError: unknown language, or one without a column.
        """
        if code not in self._columns:
            raise InputError(
                f"{self.directory}: no language '{language(code).code}'; it has {' '.join(self.languages)}"
            )
        return self._columns[code]

    def lengths(self, code: str) -> "Int32Array":
        """Tokens of each row in a language [rows]; 0 where the cell is empty. Tags and end are not counted."""
        return np.diff(self.column(code)[1]).astype(np.int32)

    def tokens(self, code: str, row: int) -> "np.ndarray":
        """Token ids of one cell, without tags."""
        tokens, offsets = self.column(code)
        return tokens[offsets[row] : offsets[row + 1]]

    def rows(self, split: str) -> "Int32Array":
        """Indices of the rows of a split, ascending.

        Raises:
            InputError: the split is empty.
        """
        splits = self.table["split"].combine_chunks()
        rows = np.flatnonzero(np.asarray(pa.compute.equal(splits, split))).astype(np.int32)
        if not len(rows):
            raise InputError(f"{self.directory}: no rows in split '{split}'")
        return rows

    def pair_rows(self, source: str, target: str, split: str = "train") -> "Int32Array":
        """Indices of the rows of a split that have both languages, ascending; withheld pairs included."""
        rows = self.rows(split)
        both = (self.lengths(source)[rows] > 0) & (self.lengths(target)[rows] > 0)
        return rows[both]

    def pairs_withheld(self) -> frozenset[frozenset[str]]:
        """The withheld pairs, order aside."""
        return frozenset(frozenset(pair(direction)) for direction in self.withheld_pairs)
