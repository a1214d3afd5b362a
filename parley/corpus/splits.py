"""Splits by content hash, such that a message never straddles splits in any language.

- A source's own split wins.
- The other rows fall into components: two rows are in one when they share a text in any language, directly or through
  further rows; texts are compared in the normal form of `text_column`, as duplicates and contamination are. A component
  goes into one split as a whole.
- The split is drawn from the smallest hash among the component's texts: the same texts give the same split on every
  machine and in every order of rows. A small corpus whose dev or test would be empty gives the smallest draws to it.
- Components that are large (chains through short texts such as "OK") or that touch rows with a split of their own go
  to train; decontamination then removes what meets a dev or test text.
"""

import hashlib
from collections.abc import Collection
from typing import Final

import numpy as np

from parley.corpus.components import Components
from parley.corpus.keys import NO_TEXT
from parley.corpus.numbered import NumberedRows
from parley.corpus.source_config import SPLITS

LARGEST_HELD_OUT: Final = 50  # rows of a component that dev or test may take as one
FEW: Final = 10  # components that a split gets which would be empty, but no more than a tenth
UNSET: Final = len(SPLITS)
TRAIN, DEV, TEST = range(len(SPLITS))


def assign_splits(
    rows: NumberedRows, own: np.ndarray, dev_share: float, test_share: float, seed: int, required: Collection[str] = ()
) -> np.ndarray:
    """The split of every row, uint8[N], places in `SPLITS`.

    Args:
        own: uint8[N], each row's own split, `UNSET` for none.
        dev_share, test_share: of the components without a split.
        required: dev or test among these gets a few components when it would be empty.
    """
    unset = own == UNSET
    if not unset.any():
        return own
    joined = Components(len(rows))
    for row, first in rows.repeats("texts"):
        joined.join(row, first)
    component = joined.all()
    smallest = np.full(len(rows), NO_TEXT)
    np.minimum.at(smallest, component, rows.smallest())
    free = (np.bincount(component, minlength=len(rows)) <= LARGEST_HELD_OUT) & (smallest != NO_TEXT)
    free[component[~unset]] = False
    roots = np.flatnonzero(free & (component == np.arange(len(rows))))
    draws = np.array([_drawn(int(smallest[root]), seed) for root in roots.tolist()])
    needed = [name for name in required if not (own == SPLITS.index(name)).any()]
    drawn = np.full(len(rows), TRAIN, np.uint8)
    drawn[roots] = _held_out(draws, dev_share, test_share, needed)
    return np.where(unset, drawn[component], own)


def _held_out(draws: np.ndarray, dev_share: float, test_share: float, needed: Collection[str]) -> np.ndarray:
    """The splits of components by their draws, smallest first: test, then dev, then train."""
    few = max(1, min(FEW, len(draws) // 10)) if len(draws) > len(needed) else 0
    test = int((draws < test_share).sum())
    dev = int((draws < test_share + dev_share).sum()) - test
    test = test or (few if SPLITS[TEST] in needed else 0)
    dev = dev or (few if SPLITS[DEV] in needed else 0)
    splits = np.full(len(draws), TRAIN, np.uint8)
    order = np.argsort(draws, kind="stable")
    splits[order[test : test + dev]] = DEV
    splits[order[:test]] = TEST
    return splits


def _drawn(text: int, seed: int) -> float:
    return int.from_bytes(hashlib.blake2b(f"{seed} {text}".encode(), digest_size=8).digest(), "big") / 2.0**64
