"""Accepted candidates as an encoded store of one-way rows, and how many of them a round's training is given.

A row is used in its own direction only: turned round, a synthetic source would become a synthetic target. The mixture
is made inside the batches (`training.batches.stream.OneWay`), message by message, so that every update holds both
kinds, whatever its size.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from parley.languages.table import CODES, pair
from training.batches.encoded import EncodedCorpus
from training.batches.encoding import write_meta
from training.batches.one_way import DIRECTION
from training.batches.one_way_encoding import SOURCE, TARGET, write_one_way
from training.tokenizer import BACKTRANSLATED, tag_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_KEPT: Final = ["row_id", "origin", "round", "use", DIRECTION, "round_trip_chrf", SOURCE, TARGET]


def write_store(out: Path, accepted: pa.Table, tokenizer: "PreTrainedTokenizerFast") -> EncodedCorpus:
    """Encode accepted candidates as a corpus of token ids, one row for each, two cells filled.

    A synthetic source begins with `<bt>` (Caswell et al., 2019, arXiv 1906.06442), a real one (use `forward`) does not.

    Args:
        out: folder; a killed call goes on with the languages that are missing.
        accepted: rows of `candidates.SCHEMA`.

    Raises:
        InputError: a vocabulary without the tag.
    """
    out.mkdir(parents=True, exist_ok=True)
    used = [pair(direction) for direction in accepted[DIRECTION].to_pylist()]
    codes = [code for code in CODES if any(code in both for both in used)]
    heads = _heads(accepted, [source for source, _ in used], tokenizer)
    write_one_way(out, accepted.select(_KEPT), codes, tokenizer, heads)
    write_meta(out, tokenizer, codes, ())
    return EncodedCorpus.open(out)


def _heads(
    accepted: pa.Table, sources: list[str], tokenizer: "PreTrainedTokenizerFast"
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Tag of each row's source [rows]; -1 where the source is real."""
    synthetic = np.array(accepted["synthetic_language"].to_pylist()) == np.array(sources)
    return np.where(synthetic, tag_ids(tokenizer, [BACKTRANSLATED])[0], -1).astype(np.int64)


def ratio_used(human: int, synthetic: Iterable[int]) -> float:
    """Synthetic messages for each human one that a training was given."""
    return sum(synthetic) / human if human else 0.0
