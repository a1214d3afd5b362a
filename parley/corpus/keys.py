"""What rows are compared by: hashes of their texts, computed for each part of the corpus on its own.

    texts.parquet       row, key: a hash of each text in its language
    exact.parquet       row, key: a hash of all texts of the row in their languages
    near.parquet        row, key: a bucket; rows that share one may be nearly equal
    smallest.npy        each row's smallest hash of a text, whatever its language
    signatures.npy      MinHash of the rows in `long.npy`

All texts are compared in the normal form of `text_column`. Near duplicates are found by MinHash (Broder 1997) over the
character n-grams of all cells of a row, with banding (locality-sensitive hashing).
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus.text_column import TextColumn, mixed
from parley.languages.table import CODES

NO_TEXT: Final = np.uint64(2**64 - 1)
NGRAM: Final = 5
HASHES: Final = 32  # accuracy
BANDS: Final = 8  # recall: 32 hashes in 8 bands find 98 % of the pairs that overlap by 0.8
MIN_CHARS: Final = 60  # rows with fewer normalised characters are compared exactly: one word more is another message
CHUNK_ROWS: Final = 16_384  # fits the processor's cache


def languages_of(table: pa.Table) -> tuple[str, ...]:
    """The language columns of a table."""
    return tuple(code for code in CODES if code in table.column_names)


def chunks(column: pa.ChunkedArray) -> Iterator[tuple[int, TextColumn]]:
    """A column in pieces that fit the processor's cache, each with its first row."""
    for start in range(0, len(column), CHUNK_ROWS):
        yield start, TextColumn(column.slice(start, CHUNK_ROWS))


def write_keys(table: pa.Table, folder: Path, near: bool) -> None:
    """Write the keys of a part's rows; `near` also those of near duplicates."""
    keys = {code: cell_keys(table, code) for code in languages_of(table)}
    _write_links(folder / "texts.parquet", *_texts(keys))
    exact = _exact(keys, table.num_rows)
    rows = np.flatnonzero(exact)
    _write_links(folder / "exact.parquet", rows, exact[rows])
    least = [np.full(table.num_rows, NO_TEXT), *(np.where(key == 0, NO_TEXT, key) for key in keys.values())]
    np.save(folder / "smallest.npy", np.minimum.reduce(least), allow_pickle=False)
    if near:
        signatures, sizes = minhash(table)
        rows = np.flatnonzero(sizes >= MIN_CHARS)
        np.save(folder / "long.npy", rows, allow_pickle=False)
        np.save(folder / "signatures.npy", signatures[rows], allow_pickle=False)
        _write_links(folder / "near.parquet", np.tile(rows, BANDS), _buckets(signatures[rows]))


def cell_keys(table: pa.Table, code: str) -> np.ndarray:
    """Hashes of the normal forms of one language's cells, uint64[N]; 0 for null cells and those without text."""
    parts = [column.keys for _, column in chunks(table[code])]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def minhash(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """MinHash of each row, uint32[N, HASHES], and its normalised characters, int64[N]."""
    multipliers = mixed(np.arange(1, HASHES + 1, dtype=np.uint64)) | np.uint64(1)
    signatures = np.full((table.num_rows, HASHES), np.iinfo(np.uint32).max, np.uint32)
    sizes = np.zeros(table.num_rows, np.int64)
    for code in languages_of(table):
        salt = language_salt(code)
        for start, column in chunks(table[code]):
            sizes[start : start + len(column)] += column.normal_lengths
            grams, starts = column.ngrams(NGRAM)
            cells = np.flatnonzero(np.diff(starts))
            if len(cells) == 0:
                continue
            for index, multiplier in enumerate(multipliers):
                hashed = (((grams ^ salt) * multiplier) >> np.uint64(32)).astype(np.uint32)
                smallest = np.minimum.reduceat(hashed, starts[cells])
                signatures[start + cells, index] = np.minimum(signatures[start + cells, index], smallest)
    return signatures, sizes


def _texts(keys: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    rows = {code: np.flatnonzero(found) for code, found in keys.items()}
    salted = [mixed(keys[code][rows[code]] ^ language_salt(code)) for code in keys]
    return np.concatenate([np.zeros(0, np.int64), *rows.values()]), np.concatenate([np.zeros(0, np.uint64), *salted])


def _exact(keys: dict[str, np.ndarray], count: int) -> np.ndarray:
    """A hash of each row's texts in their languages, uint64[N]; 0: none."""
    found = np.zeros(count, np.uint64)
    for code, key in keys.items():
        found += np.where(key == 0, np.uint64(0), mixed(key ^ language_salt(code)))
    return found


def _buckets(signatures: np.ndarray) -> np.ndarray:
    """The bucket of each row in each band, uint64[BANDS * N], band after band."""
    width = HASHES // BANDS
    buckets = []
    for band in range(BANDS):
        bucket = np.full(len(signatures), band, np.uint64)
        for value in signatures[:, band * width : (band + 1) * width].T:
            bucket = mixed(bucket ^ value.astype(np.uint64))
        buckets.append(bucket)
    return np.concatenate(buckets)


def language_salt(code: str) -> np.uint64:
    """A number by which equal texts in two languages differ."""
    return np.uint64(zlib.crc32(code.encode()) * 0x9E3779B97F4A7C15 % 2**64)


def _write_links(path: Path, rows: np.ndarray, keys: np.ndarray) -> None:
    links = pa.table({"row": rows.astype(np.int32), "key": keys})
    pq.write_table(links, path, compression="none", use_dictionary=False)
