"""The corpus as token ids: each language's column encoded once, memory-mapped, shared by all directions that use it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus.config import ROW_COLUMNS
from parley.corpus.store import Corpus
from parley.languages.table import LANGUAGES, language, pair
from parley.pipeline.atomic import replacing, write_json
from parley.pipeline.errors import InputError
from parley.pipeline.progress import progress_bar
from parley.pipeline.stage import Stage, transient
from training.tokenizer import AUTO_TOKEN, EOS, PAD, load_tokenizer, vocabulary_digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    Int64Array = np.ndarray[Any, np.dtype[np.int64]]
    Int32Array = np.ndarray[Any, np.dtype[np.int32]]

META: Final = "meta.json"
ROWS: Final = "rows.parquet"


@dataclass(frozen=True)
class EncodedConfig:
    """How the corpus is encoded.

    Attributes:
        slice_rows: cells encoded at a time; bounds the memory only.
    """

    slice_rows: int = transient(20_000, "cells encoded at a time; bounds the memory only")


class EncodedStage(Stage[EncodedConfig]):
    """Encodes input `corpus` with input `tokenizer`; a killed run goes on with the languages that are missing."""

    name = "encoded"

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write `<language>.tokens.bin` and `.offsets.npy`, `rows.parquet`, `meta.json`; facts: tokens."""
        out.mkdir(parents=True, exist_ok=True)
        tokenizer = load_tokenizer(inputs["tokenizer"])
        corpus = Corpus.open(inputs["corpus"])
        dtype = token_type(tokenizer)
        rows = corpus.table(columns=ROW_COLUMNS)
        with progress_bar("encoding cells", len(corpus.languages) * rows.num_rows) as bar:
            for code in corpus.languages:
                column = corpus.table(columns=[code])[code]
                for done in encode_column(out, code, column, tokenizer, self.config.slice_rows):
                    bar.advance(done, note=code)
        _write_rows(out / ROWS, rows)
        write_meta(out, tokenizer, corpus.languages, corpus.withheld_pairs)
        tokens = {code: (out / f"{code}.tokens.bin").stat().st_size // dtype.itemsize for code in corpus.languages}
        facts = {"tokens": tokens, "total_tokens": sum(tokens.values()), "dtype": dtype.name, "rows": rows.num_rows}
        return {**facts, "vocabulary_digest": vocabulary_digest(tokenizer)}


def token_type(tokenizer: "PreTrainedTokenizerFast") -> "np.dtype[Any]":
    """The smallest type that holds every id."""
    return np.dtype(np.uint16 if len(tokenizer) <= 1 << 16 else np.uint32)


def encode_column(
    out: Path,
    code: str,
    column: pa.ChunkedArray,
    tokenizer: "PreTrainedTokenizerFast",
    step: int,
    heads: "Int64Array | None" = None,
) -> Iterator[int]:
    """Write a language's tokens, then its offsets, which mark it done. Empty cells have length 0. Yields cells done.

    Args:
        heads: [cells] id of a special token to put before the cell's own tokens; -1 for none.
    """
    tokens_path, offsets_path = out / f"{code}.tokens.bin", out / f"{code}.offsets.npy"
    if offsets_path.is_file() and tokens_path.is_file():
        yield len(column)
        return
    lengths: list[np.ndarray] = []
    heads = np.full(len(column), -1, np.int64) if heads is None else heads
    with replacing(tokens_path) as temporary, temporary.open("wb") as file:
        for start in range(0, len(column), step):
            cells = column.slice(start, step).to_pylist()
            ids, counts = _encode_cells(cells, heads[start : start + step], tokenizer)
            file.write(ids.tobytes())
            lengths.append(counts)
            yield len(counts)
    offsets = np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum(dtype=np.int64)
    with replacing(offsets_path) as temporary, temporary.open("wb") as file:
        np.save(file, offsets, allow_pickle=False)


def _encode_cells(
    cells: list[str | None], heads: "Int64Array", tokenizer: "PreTrainedTokenizerFast"
) -> "tuple[np.ndarray, Int64Array]":
    filled = [index for index, cell in enumerate(cells) if cell]
    texts = [cells[index] for index in filled]
    entries = tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    tags = heads[filled].tolist()
    ids = [entry.ids if tag < 0 else [tag, *entry.ids] for tag, entry in zip(tags, entries, strict=True)]
    counts = np.zeros(len(cells), np.int64)
    counts[filled] = [len(entry) for entry in ids]
    flat = np.fromiter(chain.from_iterable(ids), dtype=token_type(tokenizer), count=int(counts.sum()))
    return flat, counts


def _write_rows(path: Path, rows: pa.Table) -> None:
    for name in ROW_COLUMNS[1:]:
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].dictionary_encode())
    with replacing(path) as temporary:
        pq.write_table(rows.unify_dictionaries(), temporary, compression="zstd")


def write_meta(
    out: Path, tokenizer: "PreTrainedTokenizerFast", languages: Sequence[str], withheld_pairs: Sequence[str]
) -> None:
    """Write `meta.json`, which makes the folder an encoded corpus."""
    tags = [entry.token for entry in LANGUAGES.values()]
    meta = {
        "languages": list(languages),
        "dtype": token_type(tokenizer).name,
        "vocab_size": len(tokenizer),
        "vocabulary_digest": vocabulary_digest(tokenizer),
        "withheld_pairs": list(withheld_pairs),
        "pad_id": tokenizer.convert_tokens_to_ids(PAD),
        "eos_id": tokenizer.convert_tokens_to_ids(EOS),
        "auto_id": tokenizer.convert_tokens_to_ids(AUTO_TOKEN),
        "language_ids": tokenizer.convert_tokens_to_ids(tags),
    }
    write_json(out / META, meta)


@dataclass(frozen=True)
class EncodedCorpus:
    """A corpus of token ids, memory-mapped.

    Attributes:
        languages: codes that have a column.
        vocabulary_digest: of the tokenizer that made the ids.
        withheld_pairs: pairs such as `fr-th` that must never be trained on directly, in either direction.
        language_ids: id of each language's tag, in the order of CODES.
    """

    directory: Path
    languages: tuple[str, ...]
    vocab_size: int
    vocabulary_digest: str
    withheld_pairs: tuple[str, ...]
    pad_id: int
    eos_id: int
    auto_id: int
    language_ids: tuple[int, ...]
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
            for key in ("languages", "withheld_pairs", "language_ids"):
                meta[key] = tuple(meta[key])
            return cls(directory=directory, **meta)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{directory}: not an encoded corpus ({error})") from error

    @cached_property
    def table(self) -> pa.Table:
        """Columns row_id, split, domain, origin of every row."""
        return pq.read_table(self.directory / ROWS)

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
