"""Rows that a model has seen already, to be mixed with new ones when its training goes on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.batches.encoded import EncodedCorpus

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Rehearsal:
    """Which rows of the corpus are old, and how often they come.

    Attributes:
        old: [rows] whether the model has seen a row.
        share: of the corpus's messages that are old ones.
    """

    old: "Array"
    share: float


def rehearsal(encoded: EncodedCorpus, seen: EncodedCorpus, share: float) -> Rehearsal | None:
    """Old are the train rows that stand in the train split of `seen`; None where all are old, or all new."""
    train = encoded.in_split("train")
    old = trained_on(encoded, seen) & train
    return Rehearsal(old, share) if old.any() and not old[train].all() else None


def trained_on(encoded: EncodedCorpus, seen: EncodedCorpus) -> "Array":
    """Whether each row [rows], whatever its split, stands in the train split of `seen`, by its id."""
    ids = seen.fact("row_id").cast(pa.string()).filter(pc.equal(seen.fact("split"), "train"))
    return np.asarray(pc.is_in(encoded.fact("row_id").cast(pa.string()), value_set=ids.combine_chunks()))
