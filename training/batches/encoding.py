"""The stage `encoded`: the corpus as token ids, shard by shard; also what makes an encoded store of other rows.

A store holds `<language>.tokens.bin`, `<language>.offsets.npy`, `rows.parquet`, `meta.json` and the tokenizer; a shard
holds the same without the last two, and is appended to the others.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus.source_config import ROW_COLUMNS
from parley.corpus.store import Corpus
from parley.languages.normalisation import normalise
from parley.pipeline.atomic import flush, replacing, write_last
from parley.pipeline.errors import InputError
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import Needs, Shard, Stage
from training.batches.encoded import META, ROWS
from training.tokenizer import AUTO_TOKEN, EOS, PAD, language_tags, load_tokenizer, splitter_of_tidy, vocabulary_digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    Int64Array = np.ndarray[Any, np.dtype[np.int64]]

_ROWS_SCHEMA: Final = pa.schema([(name, pa.string()) for name in ROW_COLUMNS])


@dataclass(frozen=True)
class EncodedConfig:
    """Nothing is to be chosen."""


class EncodedStage(Stage[EncodedConfig]):
    """Encodes input `corpus` with input `tokenizer`, a shard of the corpus at a time."""

    name = "encoded"
    needs = Needs(memory_gb=2.0)

    def shards(self, inputs: Mapping[str, Path]) -> list[Shard]:
        """One for each of the corpus.

        Raises:
            InputError: the vocabulary lacks the tag of a language of the corpus.
        """
        corpus, tags = Corpus.open(inputs["corpus"]), language_tags(load_tokenizer(inputs["tokenizer"]).get_vocab())
        untagged = [code for code in corpus.languages if code not in tags]
        if untagged:
            raise InputError(f"{inputs['tokenizer']}: it has no tag for {' '.join(untagged)}: make a new one")
        return [Shard(f"{number:05d}", {"shard": number}) for number in range(corpus.shards)]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Tokens and offsets of each language, and `rows.parquet`."""
        corpus, tokenizer = Corpus.open(inputs["corpus"]), load_tokenizer(inputs["tokenizer"])
        writers = {code: _ColumnWriter(out, code, tokenizer) for code in corpus.languages}
        with pq.ParquetWriter(out / ROWS, _ROWS_SCHEMA, compression="zstd") as rows:
            for batch in corpus.scan(shard=shard.task["shard"]):
                rows.write_batch(batch.select(ROW_COLUMNS))
                for code, writer in writers.items():
                    writer.write(batch[code].to_pylist())
        for writer in writers.values():
            writer.close()

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Join the shards, and write `meta.json`; facts: tokens."""
        tokenizer, corpus = load_tokenizer(inputs["tokenizer"]), Corpus.open(inputs["corpus"])
        folders = shard_folders(out)
        tokens = {code: join_columns(folders, out, code) for code in corpus.languages}
        rows = join_rows(folders, out / ROWS)
        write_meta(out, tokenizer, corpus.languages, corpus.withheld_pairs)
        facts = {"tokens": tokens, "total_tokens": sum(tokens.values()), "dtype": token_type(tokenizer).name}
        return {**facts, "rows": rows, "vocabulary_digest": vocabulary_digest(tokenizer)}


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
    if (out / f"{code}.offsets.npy").is_file():
        yield len(column)
        return
    writer = _ColumnWriter(out, code, tokenizer)
    for start in range(0, len(column), step):
        cells = column.slice(start, step).to_pylist()
        writer.write(cells, None if heads is None else heads[start : start + step])
        yield len(cells)
    writer.close()


def write_meta(
    out: Path, tokenizer: "PreTrainedTokenizerFast", languages: Sequence[str], withheld_pairs: Sequence[str]
) -> None:
    """Keep the tokenizer that the ids are of, and write `meta.json`, which makes the folder an encoded corpus."""
    meta = {
        "languages": list(languages),
        "dtype": token_type(tokenizer).name,
        "vocab_size": len(tokenizer),
        "vocabulary_digest": vocabulary_digest(tokenizer),
        "withheld_pairs": list(withheld_pairs),
        "pad_id": tokenizer.convert_tokens_to_ids(PAD),
        "eos_id": tokenizer.convert_tokens_to_ids(EOS),
        "auto_id": tokenizer.convert_tokens_to_ids(AUTO_TOKEN),
        "language_ids": language_tags(tokenizer.get_vocab()),
    }
    tokenizer.save_pretrained(str(out))
    write_last(out / META, meta)


class _ColumnWriter:
    """Appends the cells of a language to its token file; `close` writes the offsets."""

    def __init__(self, out: Path, code: str, tokenizer: "PreTrainedTokenizerFast") -> None:
        self._out, self._code, self._splitter = out, code, splitter_of_tidy(tokenizer)
        self._dtype = token_type(tokenizer)
        self._file = (out / f"{code}.tokens.bin").open("wb")
        self._counts = [np.zeros(1, np.int64)]

    def write(self, cells: Sequence[str | None], heads: "Int64Array | None" = None) -> None:
        """Encode cells; `heads` as in `encode_column`."""
        filled = [index for index, cell in enumerate(cells) if cell]
        texts = normalise(pa.array([cells[index] for index in filled], pa.string())).to_pylist()
        entries = self._splitter.encode_batch_fast(texts, add_special_tokens=False)
        tags = [-1] * len(filled) if heads is None else heads[filled].tolist()
        ids = [entry.ids if tag < 0 else [tag, *entry.ids] for tag, entry in zip(tags, entries, strict=True)]
        counts = np.zeros(len(cells), np.int64)
        counts[filled] = [len(entry) for entry in ids]
        np.fromiter(chain.from_iterable(ids), self._dtype, int(counts.sum())).tofile(self._file)
        self._counts.append(counts)

    def close(self) -> None:
        self._file.close()
        flush(Path(self._file.name))
        _save(np.concatenate(self._counts).cumsum(dtype=np.int64), self._out, self._code)


def join_columns(folders: Iterable[Path], out: Path, code: str) -> int:
    """Append a language's tokens of all shards; returns how many there are."""
    parts, total = [np.zeros(1, np.int64)], 0
    with replacing(out / f"{code}.tokens.bin") as temporary, temporary.open("wb") as joined:
        for folder in folders:
            with (folder / f"{code}.tokens.bin").open("rb") as tokens:
                shutil.copyfileobj(tokens, joined, 1 << 24)
            offsets = np.load(folder / f"{code}.offsets.npy", allow_pickle=False)
            parts.append(offsets[1:] + total)
            total += int(offsets[-1])
    _save(np.concatenate(parts), out, code)
    return total


def join_rows(folders: Sequence[Path], path: Path) -> int:
    """Append `rows.parquet` of all shards; returns how many rows there are."""
    count, schema = 0, pq.read_schema(folders[0] / ROWS)
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as joined:
        for folder in folders:
            for batch in pq.ParquetFile(folder / ROWS).iter_batches():
                joined.write_batch(batch)
                count += batch.num_rows
    return count


def _save(offsets: "Int64Array", out: Path, code: str) -> None:
    with replacing(out / f"{code}.offsets.npy") as temporary, temporary.open("wb") as file:
        np.save(file, offsets, allow_pickle=False)
