"""Train rows that say again what an earlier train row says: exactly, or nearly. The earlier row stays.

Candidates for near duplicates share a bucket of MinHash and have similar signatures. They fall into components, which
are compared one after the other by the real n-grams of their rows, so that no more than one is in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import numpy as np

from parley.corpus.components import Components
from parley.corpus.keys import HASHES, NGRAM
from parley.corpus.numbered import NumberedRows
from parley.corpus.text_column import normal_form

MIN_OVERLAP: Final = 0.8  # Jaccard overlap of character n-grams over all cells of the two rows
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
    for component, texts in _texts(rows, members, components.of(members), codes):
        low, high = np.searchsorted(pairs[:, 0], [component, component + 1])
        found += _repeats(pairs[low:high, 1:].tolist(), texts)
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


def _texts(
    rows: NumberedRows, members: np.ndarray, components: np.ndarray, codes: Sequence[str]
) -> Iterator[tuple[int, dict[int, Mapping[str, Any]]]]:
    """The rows of each component."""
    batches = rows.groups(members, components, codes)
    lines = (line for batch in batches for line in batch.to_pylist())
    for component, group in groupby(lines, key=lambda line: line["group"]):
        yield component, {line["row"]: {code: line[code] for code in codes} for line in group}


def _repeats(pairs: Sequence[Sequence[int]], texts: Mapping[int, Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Rows of one component that repeat an earlier one, with it; pairs (later, earlier) are taken in their order."""
    grams: dict[int, set[tuple[str, str]]] = {}
    dropped: dict[int, int] = {}
    for later, earlier in pairs:
        if later in dropped or earlier in dropped:
            continue
        for row in (later, earlier):
            if row not in grams:
                grams[row] = _ngrams(texts[row])
        left, right = grams[later], grams[earlier]
        if len(left & right) >= MIN_OVERLAP * len(left | right):
            dropped[later] = earlier
    return list(dropped.items())


def _ngrams(texts: Mapping[str, Any]) -> set[tuple[str, str]]:
    normal = ((code, normal_form(text or "")) for code, text in texts.items())
    return {(code, text[at : at + NGRAM]) for code, text in normal for at in range(len(text))}


def _sorted(rows: np.ndarray, originals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(rows)
    return rows[order], originals[order]
