"""Train rows that say again what an earlier train row says: exactly, or nearly. The earlier row stays.

Candidates for near duplicates share a bucket of MinHash and have similar signatures. They fall into components, which
are compared one after the other by the real n-grams of their rows, so that no more than one is in memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.components import Components
from parley.corpus.keys import HASHES, NGRAM, language_salt
from parley.corpus.numbered import NumberedRows
from parley.corpus.text_column import TextColumn, mixed

MIN_OVERLAP: Final = 0.8  # Jaccard overlap of character n-grams over all cells of the two rows
_END: Final = "\U00010380"  # a letter that no text here has; behind a cell, for the n-grams of its end
_SLACK: Final = 0.15  # MinHash estimates the overlap to about 0.07; whatever is not clearly below is compared for real


def exact_duplicates(rows: NumberedRows, excluded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows with the same normal form as an earlier one in the same languages, and that one; `excluded` do not count."""
    found = [np.stack(pair) for pair in rows.repeats("exact", excluded)]
    return _sorted(*np.concatenate([np.zeros((2, 0), np.int64), *found], axis=1))


def near_duplicates(rows: NumberedRows, excluded: np.ndarray, codes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Rows that overlap enough with an earlier one that stays, and that one; `excluded` rows do not count."""
    later, earlier = _candidates(rows, excluded)
    components = Components(len(rows))
    components.join(later, earlier)
    members = np.unique(np.concatenate([later, earlier]))
    pairs = np.stack([components.of(later), later, earlier], axis=1)
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    found: list[tuple[int, int]] = []
    for table in _whole_groups(rows.groups(members, components.of(members), codes)):
        groups = table["group"].to_numpy()
        low, high = np.searchsorted(pairs[:, 0], groups[0]), np.searchsorted(pairs[:, 0], groups[-1], "right")
        found += _repeats(pairs[low:high, 1:].tolist(), table["row"].to_pylist(), *_ngrams(table, codes))
    return _sorted(*np.array(found, np.int64).reshape(-1, 2).T)


def _candidates(rows: NumberedRows, excluded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (later, earlier) whose signatures agree nearly enough."""
    kept = [np.zeros((2, 0), np.int64)]
    for later, earlier in rows.neighbours("near", excluded):
        agreement = (_signatures(rows, later) == _signatures(rows, earlier)).mean(axis=1)
        kept.append(np.stack([later, earlier])[:, agreement >= MIN_OVERLAP - _SLACK])
    later, earlier = np.concatenate(kept, axis=1)
    return later, earlier


def _signatures(rows: NumberedRows, wanted: np.ndarray) -> np.ndarray:
    """MinHash of some rows, uint32[n, HASHES]."""
    unique, places = np.unique(wanted, return_inverse=True)
    found = np.empty((len(unique), HASHES), np.uint32)
    bounds = np.searchsorted(unique, rows.starts)
    for folder, start, low, high in zip(rows.folders, rows.starts, bounds, bounds[1:], strict=False):
        if low < high:
            slots = np.searchsorted(np.load(folder / "long.npy", mmap_mode="r"), unique[low:high] - start)
            found[low:high] = np.load(folder / "signatures.npy", mmap_mode="r")[slots]
    return found[places]


def _whole_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches of rows that are ordered by `group`, cut so that no group is in two tables."""
    waiting: list[pa.Table] = []
    for batch in batches:
        table = pa.concat_tables([*waiting, pa.Table.from_batches([batch])])
        groups = table["group"].to_numpy()
        begun = int(np.searchsorted(groups, groups[-1]))
        if begun:
            yield table.slice(0, begun)
        waiting = [table.slice(begun)]
    yield from waiting


def _ngrams(table: pa.Table, codes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the distinct n-grams of each row's cells, ascending in each row, and where each row's begin.

    The ends of a cell count, too, as shorter n-grams.
    """
    bits = 64 - table.num_rows.bit_length()  # of a hash; the number of its row stands before it
    keys = [np.zeros(0, np.uint64)]
    for code in codes:
        texts = pc.binary_join_element_wise(pc.fill_null(table[code], ""), _END * (NGRAM - 1), "")
        hashes, starts = TextColumn(texts).ngrams(NGRAM)
        owners = np.repeat(np.arange(table.num_rows, dtype=np.uint64), np.diff(starts))
        keys.append((owners << np.uint64(bits)) | (mixed(hashes ^ language_salt(code)) >> np.uint64(64 - bits)))
    found = np.sort(np.concatenate(keys))  # np.unique would count by a hash table, which is slower
    found = found[np.append(found[1:] != found[:-1], True)[: len(found)]]
    starts = np.searchsorted(found, np.arange(table.num_rows + 1, dtype=np.uint64) << np.uint64(bits))
    return found & np.uint64((1 << bits) - 1), starts


def _repeats(
    pairs: Sequence[Sequence[int]], rows: Sequence[int], grams: np.ndarray, starts: np.ndarray
) -> list[tuple[int, int]]:
    """Rows that repeat an earlier one, with it; pairs (later, earlier) are taken in their order."""
    places = {row: place for place, row in enumerate(rows)}
    dropped: dict[int, int] = {}
    for later, earlier in pairs:
        if later not in dropped and earlier not in dropped:
            left, right = (grams[starts[place] : starts[place + 1]] for place in (places[later], places[earlier]))
            shared = int((right[np.minimum(np.searchsorted(right, left), len(right) - 1)] == left).sum())
            if shared >= MIN_OVERLAP * (len(left) + len(right) - shared):
                dropped[later] = earlier
    return list(dropped.items())


def _sorted(rows: np.ndarray, originals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(rows)
    return rows[order], originals[order]
