"""Pools of rows that directions are sampled from, and the share of each direction in its pool."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from parley.languages.table import directions, pair
from parley.pipeline.errors import InputError
from training.batches.batch import TAG_AND_END
from training.batches.config import BatchingConfig
from training.batches.encoded import EncodedCorpus
from training.batches.one_way import OneWay, OneWayRows
from training.batches.presence import PairRows
from training.batches.rehearsal import Rehearsal

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Direction:
    """What one direction brings to the sampling.

    Attributes:
        usable: rows that have both sides within max_length.
        too_long: rows left out for their length.
        probability: share of the messages.
        target_tokens: tokens of all usable rows in the target language.
    """

    usable: int
    too_long: int
    probability: float
    target_tokens: int


class Pool(NamedTuple):
    """Directions that are sampled from the same rows.

    Attributes:
        directions: with their shares of the pool's messages.
        share: of all messages.
        find: the row [n] at a place [n] among the rows of each message's direction, source and target [n] before it.
    """

    directions: Mapping[str, Direction]
    share: float
    find: "Callable[[Array, Array, Array], Array]"


def sampled_directions(
    encoded: EncodedCorpus, pairs: PairRows, config: BatchingConfig, split: str
) -> dict[str, Direction]:
    """Every direction that has rows, in train those that are not withheld, with its share."""
    place = {code: index for index, code in enumerate(pairs.languages)}
    withheld = encoded.pairs_withheld() if split == "train" else frozenset()
    between = {
        name: (place[source], place[target])
        for name in directions(encoded.languages)
        for source, target in [pair(name)]
        if frozenset((source, target)) not in withheld and (pairs.usable + pairs.too_long)[place[source], place[target]]
    }
    shares = _shares({name: int(pairs.usable[both]) for name, both in between.items()}, config, split, encoded)
    return {
        name: Direction(
            int(pairs.usable[both]), int(pairs.too_long[both]), shares.get(name, 0.0), int(pairs.target_tokens[both])
        )
        for name, both in between.items()
    }


def old_and_new(
    rehearsal: Rehearsal, encoded: EncodedCorpus, config: BatchingConfig, split: str, share: float
) -> list[Pool]:
    """A pool of new rows and one of old ones, each with shares by its own rows."""
    pools = []
    for chosen, part in ((~rehearsal.old, 1 - rehearsal.share), (rehearsal.old, rehearsal.share)):
        pairs = PairRows(encoded, split, config.max_length - TAG_AND_END, chosen)
        pools.append(Pool(sampled_directions(encoded, pairs, config, split), share * part, pairs.find))
    return pools


def synthetic_directions(rows: OneWayRows, one_way: OneWay) -> dict[str, Direction]:
    """Every direction of the synthetic rows, with its share of all messages."""
    whole = 1 + sum(one_way.ratios[name] for name in rows.usable)
    return {
        name: Direction(usable, rows.too_long[name], one_way.ratios[name] / whole, rows.target_tokens[name])
        for name, usable in rows.usable.items()
    }


def check_weights(usable: Mapping[str, Direction], config: BatchingConfig, split: str, encoded: EncodedCorpus) -> None:
    """Refuse weights of pairs without rows. Those of languages that the corpus does not have are left aside."""
    for name in config.pair_weights:
        if not (name in usable and usable[name].usable) and set(pair(name)) <= set(encoded.languages):
            reason = "withheld" if frozenset(pair(name)) in encoded.pairs_withheld() else "without data"
            raise InputError(f"batching.pair_weights.{name}: the pair is {reason} in split '{split}'")


def _shares(usable: Mapping[str, int], config: BatchingConfig, split: str, encoded: EncodedCorpus) -> dict[str, float]:
    """Probability of each direction that has any."""
    weights = {
        name: count ** (1 / config.temperature) * config.pair_weights.get(name, 1.0) for name, count in usable.items()
    }
    total = sum(weights.values())
    if not total:
        raise InputError(
            f"{encoded.directory}: no direction has messages of up to {config.max_length} tokens in '{split}'"
        )
    return {name: weight / total for name, weight in weights.items() if weight}
