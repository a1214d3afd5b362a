"""Accepted candidates as an encoded store of one-way rows, and how many of them a round's training is given.

A row is used in its own direction only: turned round, a synthetic source would become a synthetic target. The mixture
is made inside the batches (`training.batches.stream.OneWay`), message by message, so that every update holds both
kinds, whatever its size.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from backtranslation.config import MixingConfig, pair_name
from parley.languages.table import CODES, pair
from parley.pipeline.atomic import replacing
from parley.pipeline.progress import progress_bar
from training.batches.encoded import ROWS, EncodedCorpus
from training.batches.encoding import encode_column, write_meta
from training.batches.joined import DIRECTION
from training.batches.stream import BatchingConfig, OneWay
from training.loop.config import TrainingConfig
from training.tokenizer import BACKTRANSLATED, QUALITY_BINS, tag_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_FILL: Final = 0.95  # padded target tokens of a batch that are tokens (docs/batching.md)
_CHUNKS: Final = 8  # of a round, at least
_STEP: Final = 20_000  # cells encoded at a time
_FACTS: Final = ("row_id", "origin", "round", "use", DIRECTION, "round_trip_chrf", "quality_bin")


def write_store(out: Path, accepted: pa.Table, tokenizer: "PreTrainedTokenizerFast", tag: str) -> EncodedCorpus:
    """Encode accepted candidates as a corpus of token ids, one row for each, two cells filled.

    Args:
        out: folder; a killed call goes on with the languages that are missing.
        accepted: rows of `candidates.SCHEMA`.
        tag: `none`, `bt` or `bins`: what is put before the source's tokens where the source is synthetic.

    Raises:
        InputError: a vocabulary without the tag.
    """
    out.mkdir(parents=True, exist_ok=True)
    named = [pair(direction) for direction in accepted[DIRECTION].to_pylist()]
    heads = _heads(accepted, [source for source, _ in named], tokenizer, tag)
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
    accepted: pa.Table, sources: list[str], tokenizer: "PreTrainedTokenizerFast", tag: str
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Tag of each row's source [rows]; -1 for none, as where the source is real."""
    if tag == "none":
        return np.full(len(sources), -1, np.int64)
    synthetic = np.array(accepted["synthetic_language"].to_pylist()) == np.array(sources)
    if tag == "bt":
        chosen = np.full(len(sources), tag_ids(tokenizer, [BACKTRANSLATED])[0], np.int64)
    else:
        chosen = np.array(tag_ids(tokenizer, QUALITY_BINS))[accepted["quality_bin"].to_numpy().astype(np.int64)]
    return np.where(synthetic, chosen, -1).astype(np.int64)


def _write_rows(out: Path, accepted: pa.Table) -> None:
    count = accepted.num_rows
    fixed = {"split": pa.repeat("train", count), "domain": pa.repeat("synthetic", count)}
    rows = pa.table({**{name: accepted[name] for name in _FACTS}, **fixed})
    with replacing(out / ROWS) as temporary:
        pq.write_table(rows, temporary, compression="zstd")


def mixture(
    encoded: EncodedCorpus,
    synthetic: EncodedCorpus,
    mixing: MixingConfig,
    batching: BatchingConfig,
    training: TrainingConfig,
) -> OneWay:
    """What a round's training is given besides the corpus, so that caps and repeats hold over its whole budget."""
    counted = pc.value_counts(synthetic.table[DIRECTION]).to_pylist()
    rows = {entry["values"]: int(entry["counts"]) for entry in counted}
    messages = expected_messages(training, batching, mean_length(encoded, batching.max_length))
    ratios = direction_ratios(rows, mixing, batching.temperature, messages)
    return OneWay(synthetic, ratios, mixing.max_repeats)


def mean_length(encoded: EncodedCorpus, max_length: int) -> float:
    """Mean target tokens of the messages in the train split, the end counted."""
    rows = encoded.rows("train")
    lengths = np.concatenate([encoded.lengths(code)[rows] for code in encoded.languages])
    used = lengths[(lengths > 0) & (lengths + 2 <= max_length)]
    return float(used.mean()) + 1 if len(used) else 1.0


def expected_messages(training: TrainingConfig, batching: BatchingConfig, tokens_per_message: float) -> float:
    """About how many messages a training sees; infinite when only its time is limited.

    It decides how thinly rows are spread that may not be repeated for ever; the limit itself is kept exactly.
    """
    batch = _FILL * batching.batch_tokens
    update = batch * max(1, -(-training.update_tokens // batch))
    limits = [training.max_tokens, training.max_updates * update]
    return min((limit for limit in limits if limit), default=float("inf")) / tokens_per_message


def short_chunks(batching: BatchingConfig, training: TrainingConfig) -> BatchingConfig:
    """The same with chunks small enough that a round plans several.

    A chunk is planned as a whole, and what is planned counts as shown: a round that ended early in its first chunk
    would leave unseen most of the rows that `max_repeats` allows it.
    """
    batches = expected_messages(training, batching, 1.0) / (_FILL * batching.batch_tokens)
    fewest = batching.chunk_batches if batches == float("inf") else max(1, int(batches / _CHUNKS))
    return replace(batching, chunk_batches=min(batching.chunk_batches, fewest))


def direction_ratios(
    rows: Mapping[str, int], mixing: MixingConfig, temperature: float, messages: float
) -> dict[str, float]:
    """Synthetic messages for each human one, by direction.

    Directions share `mixing.ratio` in proportion to rows^(1/temperature), as human directions do. One that reaches its
    pair's cap, or `max_repeats` of its rows within the training's messages, gets no more, and the others take the rest.

    Args:
        rows: accepted rows by direction.
        messages: of the whole training, human and synthetic.
    """
    weights = {name: count ** (1 / temperature) for name, count in rows.items() if count}
    total, ratios = mixing.ratio, dict.fromkeys(weights, 0.0)
    caps = _caps(weights, mixing)
    thinned = mixing.max_repeats > 0 and messages < float("inf")
    for _ in range(100):  # fewer synthetic messages leave more human ones, of which a row's repeats are a smaller part
        repeats = mixing.max_repeats * (1 + total) / messages if thinned else float("inf")
        limits = {name: min(caps[name], repeats * rows[name]) for name in weights}
        ratios = shared_out(mixing.ratio, weights, limits)
        found = sum(ratios.values())
        if abs(found - total) < 1e-9:
            break
        total = found
    return ratios


def _caps(weights: Mapping[str, float], mixing: MixingConfig) -> dict[str, float]:
    """The most of each direction, its pair's cap divided between the two."""
    by_pair = {pair_name(*pair(name)): cap for name, cap in mixing.pair_caps.items()}
    both: dict[str, float] = {}
    for name, weight in weights.items():
        both[pair_name(*pair(name))] = both.get(pair_name(*pair(name)), 0.0) + weight
    keys = {name: pair_name(*pair(name)) for name in weights}
    return {name: by_pair.get(keys[name], float("inf")) * weight / both[keys[name]] for name, weight in weights.items()}


def shared_out(total: float, weights: Mapping[str, float], limits: Mapping[str, float]) -> dict[str, float]:
    """Divide a total in proportion to weights; what goes beyond a limit is divided among the others."""
    given: dict[str, float] = {}
    open_names = list(weights)
    while open_names:
        left = max(0.0, total - sum(given.values()))
        whole = sum(weights[name] for name in open_names)
        wanted = {name: left * weights[name] / whole for name in open_names}
        full = [name for name in open_names if wanted[name] > limits[name]]
        given |= {name: limits[name] for name in full} if full else wanted
        open_names = [name for name in open_names if name not in full] if full else []
    return {name: given[name] for name in weights}


def ratio_used(human: int, synthetic: Iterable[int]) -> float:
    """Synthetic messages for each human one that a training was given."""
    return sum(synthetic) / human if human else 0.0
