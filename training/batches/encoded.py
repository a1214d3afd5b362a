"""The corpus as token ids: each language's column encoded once, memory-mapped, shared by all directions that use it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.languages.table import language, pair
from parley.pipeline.errors import InputError
from training.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

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
    def row_count(self) -> int:
        """Rows."""
        return len(self.column(self.languages[0])[1]) - 1

    def fact(self, name: str) -> pa.ChunkedArray:
        """A column of `rows.parquet`, such as row_id, split, domain, origin: what is known of every row.

        Raises:
            InputError: there is no such column.
        """
        path = self.directory / ROWS
        if name not in pq.read_schema(path).names:
            raise InputError(f"{self.directory}: its rows have no '{name}'")
        return pq.read_table(path, columns=[name], read_dictionary=[name])[name]

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

    def lengths(self, code: str, rows: slice | None = None) -> "Int32Array":
        """Tokens of the rows of a slice, or of all, in a language [rows]; 0 where the cell is empty.

        Tags and end are not counted.
        """
        offsets = self.column(code)[1]
        wanted = offsets if rows is None else offsets[rows.start : rows.stop + 1]
        return np.diff(wanted).astype(np.int32)

    def tokens(self, code: str, row: int) -> "np.ndarray":
        """Token ids of one cell, without tags."""
        tokens, offsets = self.column(code)
        return tokens[offsets[row] : offsets[row + 1]]

    def in_split(self, split: str) -> "np.ndarray":
        """Whether each row is of a split [rows].

        Raises:
            InputError: the split is empty.
        """
        inside = np.asarray(pc.equal(self.fact("split"), split))
        if not inside.any():
            raise InputError(f"{self.directory}: no rows in split '{split}'")
        return inside

    def rows(self, split: str) -> "Int32Array":
        """Indices of the rows of a split, ascending.

        Raises:
            InputError: the split is empty.
        """
        return np.flatnonzero(self.in_split(split)).astype(np.int32)

    def pair_rows(self, source: str, target: str, split: str = "train") -> "Int32Array":
        """Indices of the rows of a split that have both languages, ascending; withheld pairs included."""
        rows = self.rows(split)
        both = (self.lengths(source)[rows] > 0) & (self.lengths(target)[rows] > 0)
        return rows[both]

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        """The tokenizer that the ids are of.

        Raises:
            InputError: it is not there, or cannot be read.
        """
        return load_tokenizer(self.directory)

    def pairs_withheld(self) -> frozenset[frozenset[str]]:
        """The withheld pairs, order aside."""
        return frozenset(frozenset(pair(direction)) for direction in self.withheld_pairs)
