"""Splits by content hash, such that a message never straddles splits in any language.

- A source's own split wins.
- The other rows fall into components: two rows are in one when they share a text in any language, directly or through
  further rows; texts are compared in the normal form of `text_column`, as duplicates and contamination are. A component
  goes into one split as a whole.
- The split is drawn from the smallest hash among the component's texts: the same texts give the same split on every
  machine and in every order of rows.
- Components that are large (chains through short texts such as "OK") or that touch rows with a split of their own go
  to train; decontamination then removes what meets a dev or test text.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.row_filters import cell_keys

Ints = npt.NDArray[np.int64]

LARGEST_HELD_OUT: Final = 50  # rows of a component that dev or test may take as one
_NO_TEXT: Final = np.uint64(2**64 - 1)


def assign_splits(table: pa.Table, codes: Sequence[str], dev_share: float, test_share: float, seed: int) -> pa.Table:
    """Fill the empty cells of the split column.

    Args:
        table: corpus rows.
        dev_share, test_share: of the components without a split.

    Returns:
        The table with a full split column.
    """
    unset = table["split"].is_null().to_numpy()
    if not unset.any():
        return table
    rows, keys, texts = _edges(table, codes)
    component = connected_components(rows, keys, table.num_rows)
    smallest = np.full(table.num_rows, _NO_TEXT, np.uint64)
    np.minimum.at(smallest, component[rows], texts)
    free = (np.bincount(component, minlength=table.num_rows) <= LARGEST_HELD_OUT) & (smallest != _NO_TEXT)
    free[component[~unset]] = False
    roots = np.unique(component[unset])
    names = np.full(table.num_rows, "train", object)
    names[roots[free[roots]]] = [
        _drawn(int(text), dev_share, test_share, seed) for text in smallest[roots[free[roots]]]
    ]
    filled = pc.coalesce(table["split"], pa.array(names[component], pa.string()))
    return table.set_column(table.schema.get_field_index("split"), "split", filled)


def connected_components(rows: Ints, keys: Ints, count: int) -> Ints:
    """Label rows that are linked through shared keys.

    Args:
        rows, keys: [edges] the row and the key that each edge joins.
        count: number of rows.

    Returns:
        [count] the smallest row of each row's component.
    """
    label = np.arange(count)
    key_label = np.empty(int(keys.max()) + 1 if len(keys) else 0, np.int64)
    while True:
        key_label.fill(count)
        np.minimum.at(key_label, keys, label[rows])
        hooked = label.copy()
        np.minimum.at(hooked, label[rows], key_label[keys])  # hook the root, so that long chains close fast
        np.minimum.at(hooked, rows, key_label[keys])
        while not np.array_equal(shorter := hooked[hooked], hooked):
            hooked = shorter
        if np.array_equal(hooked, label):
            return label
        label = hooked


def _edges(table: pa.Table, codes: Sequence[str]) -> tuple[Ints, Ints, npt.NDArray[np.uint64]]:
    """For every cell with text [edges]: its row, the number of its text in its language, the hash of its text."""
    rows, keys, hashes = [], [], []
    known = 0
    for code in codes:
        texts = cell_keys(table, code)
        rows.append(np.flatnonzero(texts))
        hashes.append(texts[rows[-1]])
        distinct, numbers = np.unique(hashes[-1], return_inverse=True)
        keys.append(numbers + known)
        known += len(distinct)
    return np.concatenate(rows), np.concatenate(keys), np.concatenate(hashes)


def _drawn(text: int, dev_share: float, test_share: float, seed: int) -> str:
    drawn = int.from_bytes(hashlib.blake2b(f"{seed} {text}".encode(), digest_size=8).digest(), "big") / 2.0**64
    if drawn < test_share:
        return "test"
    return "dev" if drawn < test_share + dev_share else "train"
