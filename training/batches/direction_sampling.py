"""The directions of a split, their shares, and the messages of a stretch of the plan."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from parley.languages.table import CODES, directions, pair
from parley.pipeline.errors import InputError
from training.batches.batch import TAG_AND_END, Examples
from training.batches.concat import ConcatCorpus
from training.batches.config import BatchingConfig
from training.batches.encoded import EncodedCorpus
from training.batches.one_way import OneWay, OneWayRows
from training.batches.presence import PairRows
from training.batches.shuffling import shuffled_index

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


class DirectionSampler:
    """Walks through the rows of every direction, as fast as its share says.

    A stretch is counted in chunks of `size` messages; the first `chunk` chunks hold the whole-number step of
    share x messages from each direction.

    Attributes:
        directions: what each direction of the corpus brings.
        synthetic: the same of the synthetic rows.
    """

    def __init__(self, corpus: ConcatCorpus, config: BatchingConfig, split: str, one_way: OneWay | None) -> None:
        """Count the rows of every direction; those of `one_way` are the second part of `corpus`.

        Raises:
            InputError: an empty split, no direction left, an override for a pair without data or a withheld one.
        """
        self.config, self._corpus = config, corpus
        longest = config.max_length - TAG_AND_END
        self._pairs = PairRows(corpus.encoded, split, longest)
        self.directions = _directions(corpus.encoded, self._pairs, config, split)
        self.synthetic: dict[str, Direction] = {}
        if one_way:
            self._one_way = OneWayRows(one_way, int(corpus.starts[1]), longest)
            self.synthetic = _synthetic(self._one_way, one_way)
        self._lay_out()
        self._phase = np.random.default_rng(config.seed).random(len(self._share))

    def _lay_out(self) -> None:
        """Arrays over the directions that are sampled: those of the corpus, then the synthetic ones."""
        sampled = {name: direction for name, direction in self.directions.items() if direction.probability}
        self._of_corpus = len(sampled)
        both = [*sampled.items(), *self.synthetic.items()]
        human = 1 - sum(direction.probability for direction in self.synthetic.values())
        self._share = np.array([direction.probability for _, direction in both])
        self._share[: self._of_corpus] *= human
        self._count = np.array([direction.usable for _, direction in both])
        self._mean = np.array([direction.target_tokens for _, direction in both]) / self._count
        self._languages = np.array([[CODES.index(code) for code in pair(name)] for name, _ in both])

    def mean_length(self) -> float:
        """Target tokens of a message, end included."""
        return float(self._share @ (self._mean + 1))

    def counts(self, chunk: int, size: int) -> tuple[int, Counter[str]]:
        """Messages of the first `chunk` chunks: of the corpus, and synthetic ones by direction."""
        given = self._given(chunk, size)
        synthetic = dict(zip(self.synthetic, given[self._of_corpus :].tolist(), strict=True))
        return int(given[: self._of_corpus].sum()), Counter(synthetic)

    def draw(self, chunk: int, size: int, generator: np.random.Generator) -> "tuple[Examples, Array]":
        """The chunk's share of every direction, direction by direction, and the epoch each message is of [n]."""
        before = self._given(chunk, size)
        taken = self._given(chunk + 1, size) - before
        which = np.repeat(np.arange(len(taken)), taken)
        turn = np.arange(len(which)) - np.repeat(np.cumsum(taken) - taken, taken) + np.repeat(before, taken)
        count = self._count[which]
        place = shuffled_index(turn % count, count, self.config.seed, which, turn // count)
        source, target = self._languages[which].T
        row = self._rows(source, target, place, which >= self._of_corpus)
        told = self._told(source, generator.random(len(row)))
        return Examples.of(self._corpus, source, target, row, told), turn // count

    def _told(self, source: "Array", chance: "Array") -> "Array":
        """The language of each message's source tag [n]: its own, -1 for `__auto__`, or any other of the corpus."""
        auto, wrong = self.config.auto_source_probability, self.config.wrong_source_probability
        told = np.where(chance < auto, -1, source)
        mistaken = np.flatnonzero((chance >= auto) & (chance < auto + wrong))
        known = np.array(sorted(map(CODES.index, self._corpus.encoded.languages)))
        step = 1 + ((chance[mistaken] - auto) / max(wrong, 1e-9) * (len(known) - 1)).astype(np.int64)
        told[mistaken] = known[(np.searchsorted(known, source[mistaken]) + step) % len(known)]
        return told

    def _rows(self, source: "Array", target: "Array", place: "Array", synthetic: "Array") -> "Array":
        """The row [n] at a place of each message's direction."""
        row = np.empty(len(place), np.int64)
        row[~synthetic] = self._pairs.find(source[~synthetic], target[~synthetic], place[~synthetic])
        if synthetic.any():
            row[synthetic] = self._one_way.find(source[synthetic], target[synthetic], place[synthetic])
        return row

    def _given(self, chunk: int, size: int) -> "Array":
        """Messages of each direction in the first `chunk` chunks."""
        return np.floor(self._share * size * chunk + self._phase).astype(np.int64)


def _directions(encoded: EncodedCorpus, pairs: PairRows, config: BatchingConfig, split: str) -> dict[str, Direction]:
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


def _synthetic(rows: OneWayRows, one_way: OneWay) -> dict[str, Direction]:
    """Every direction of the synthetic rows, with its share of all messages."""
    whole = 1 + sum(one_way.ratios[name] for name in rows.usable)
    return {
        name: Direction(usable, rows.too_long[name], one_way.ratios[name] / whole, rows.target_tokens[name])
        for name, usable in rows.usable.items()
    }


def _shares(usable: Mapping[str, int], config: BatchingConfig, split: str, encoded: EncodedCorpus) -> dict[str, float]:
    """Probability of each direction that has any. Weights of languages that the corpus does not have are left aside."""
    for name in config.pair_weights:
        if not usable.get(name) and set(pair(name)) <= set(encoded.languages):
            reason = "withheld" if frozenset(pair(name)) in encoded.pairs_withheld() else "without data"
            raise InputError(f"batching.pair_weights.{name}: the pair is {reason} in split '{split}'")
    weights = {
        name: count ** (1 / config.temperature) * config.pair_weights.get(name, 1.0) for name, count in usable.items()
    }
    total = sum(weights.values())
    if not total:
        raise InputError(
            f"{encoded.directory}: no direction has messages of up to {config.max_length} tokens in '{split}'"
        )
    return {name: weight / total for name, weight in weights.items() if weight}
