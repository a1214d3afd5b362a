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
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.languages.table import CODES, pair
from parley.pipeline.atomic import replacing
from parley.pipeline.progress import progress_bar
from training.batches.encoded import ROWS, EncodedCorpus
from training.batches.encoding import encode_column, write_meta
from training.batches.one_way import DIRECTION, OneWay
from training.tokenizer import BACKTRANSLATED, tag_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_STEP: Final = 20_000  # cells encoded at a time
_FACTS: Final = ("row_id", "origin", "round", "use", DIRECTION, "round_trip_chrf")


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
    named = [pair(direction) for direction in accepted[DIRECTION].to_pylist()]
    heads = _heads(accepted, [source for source, _ in named], tokenizer)
    codes = [code for code in CODES if any(code in both for both in named)]
    texts = accepted["source_text"].to_pylist(), accepted["target_text"].to_pylist()
    with progress_bar("encoding synthetic rows", len(codes) * len(named)) as bar:
        for code in codes:
            sides = [both.index(code) if code in both else None for both in named]
            cells = [None if side is None else texts[side][row] for row, side in enumerate(sides)]
            tags = np.where(np.array([side == 0 for side in sides], bool), heads, -1)
            column = pa.chunked_array([pa.array(cells, pa.string())])
            for done in encode_column(out, code, column, tokenizer, _STEP, tags):
                bar.advance(done, note=code)
    _write_rows(out, accepted)
    write_meta(out, tokenizer, codes, ())
    return EncodedCorpus.open(out)


def _heads(
    accepted: pa.Table, sources: list[str], tokenizer: "PreTrainedTokenizerFast"
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Tag of each row's source [rows]; -1 where the source is real."""
    synthetic = np.array(accepted["synthetic_language"].to_pylist()) == np.array(sources)
    return np.where(synthetic, tag_ids(tokenizer, [BACKTRANSLATED])[0], -1).astype(np.int64)


def _write_rows(out: Path, accepted: pa.Table) -> None:
    count = accepted.num_rows
    fixed = {"split": pa.repeat("train", count), "domain": pa.repeat("synthetic", count)}
    rows = pa.table({**{name: accepted[name] for name in _FACTS}, **fixed})
    with replacing(out / ROWS) as temporary:
        pq.write_table(rows, temporary, compression="zstd")


def mixture(synthetic: EncodedCorpus, ratio: float, temperature: float) -> OneWay:
    """What a round's training is given besides the corpus: `ratio` synthetic messages for each human one.

    Directions share it in proportion to rows^(1/temperature), as human directions do.
    """
    counted = pc.value_counts(synthetic.fact(DIRECTION)).to_pylist()
    weights = {entry["values"]: int(entry["counts"]) ** (1 / temperature) for entry in counted}
    whole = sum(weights.values())
    return OneWay(synthetic, {name: ratio * weight / whole for name, weight in weights.items()})


def ratio_used(human: int, synthetic: Iterable[int]) -> float:
    """Synthetic messages for each human one that a training was given."""
    return sum(synthetic) / human if human else 0.0
