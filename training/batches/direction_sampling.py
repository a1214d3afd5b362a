"""The directions of a split, their shares, and the messages of a stretch of the plan."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from parley.languages.table import CODES, pair
from training.batches.batch import TAG_AND_END, Examples
from training.batches.concat import ConcatCorpus
from training.batches.config import BatchingConfig
from training.batches.one_way import OneWay, OneWayRows
from training.batches.pools import (
    Direction,
    Pool,
    check_weights,
    old_and_new,
    sampled_directions,
    synthetic_directions,
)
from training.batches.presence import PairRows
from training.batches.rehearsal import Rehearsal
from training.batches.shuffling import shuffled_index

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]


class Given(NamedTuple):
    """Messages that were given.

    Attributes:
        human: of the corpus.
        synthetic: synthetic ones by direction.
        rehearsed: of those of the corpus the old ones.
    """

    human: int
    synthetic: Counter[str]
    rehearsed: int


class DirectionSampler:
    """Walks through the rows of every direction, as fast as its share says.

    A stretch is counted in chunks of `size` messages; the first `chunk` chunks hold the whole-number step of
    share x messages from each direction.

    Attributes:
        directions: what each direction of the corpus brings.
        synthetic: the same of the synthetic rows.
    """

    def __init__(
        self,
        corpus: ConcatCorpus,
        config: BatchingConfig,
        split: str,
        one_way: OneWay | None,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        """Count the rows of every direction; those of `one_way` are the second part of `corpus`.

        Raises:
            InputError: an empty split, no direction left, an override for a pair without data or a withheld one.
        """
        self.config, self._corpus, self._rehearsal = config, corpus, rehearsal
        longest = config.max_length - TAG_AND_END
        pairs = PairRows(corpus.encoded, split, longest)
        self.directions = sampled_directions(corpus.encoded, pairs, config, split)
        check_weights(self.directions, config, split, corpus.encoded)
        self.synthetic: dict[str, Direction] = {}
        one_way_rows = OneWayRows(one_way, int(corpus.starts[1]), longest) if one_way else None
        if one_way and one_way_rows:
            self.synthetic = synthetic_directions(one_way_rows, one_way)
        given = sum(direction.probability for direction in self.synthetic.values())
        pools = [Pool(self.directions, 1 - given, pairs.find)]
        if rehearsal:
            pools = old_and_new(rehearsal, corpus.encoded, config, split, 1 - given)
        self._of_corpus = len(pools)
        self._lay_out([*pools, *([Pool(self.synthetic, 1.0, one_way_rows.find)] if one_way_rows else [])])
        self._phase = np.random.default_rng(config.seed).random(len(self._share))

    def _lay_out(self, pools: Sequence[Pool]) -> None:
        """Arrays over the directions that are sampled, pool after pool."""
        self._pools = pools
        both = [
            (number, name, direction)
            for number, pool in enumerate(pools)
            for name, direction in pool.directions.items()
            if direction.probability
        ]
        self._pool = np.array([number for number, _, _ in both])
        self._share = np.array([pools[number].share * direction.probability for number, _, direction in both])
        self._count = np.array([direction.usable for _, _, direction in both])
        self._mean = np.array([direction.target_tokens for _, _, direction in both]) / self._count
        self._languages = np.array([[CODES.index(code) for code in pair(name)] for _, name, _ in both])

    def mean_length(self) -> float:
        """Target tokens of a message, end included."""
        return float(self._share @ (self._mean + 1))

    def counts(self, chunk: int, size: int) -> Given:
        """Messages of the first `chunk` chunks."""
        given = self._given(chunk, size)
        of_corpus = self._pool < self._of_corpus
        synthetic = dict(zip(self.synthetic, given[~of_corpus].tolist(), strict=True))
        old = int(given[of_corpus & (self._pool > 0)].sum())
        return Given(int(given[of_corpus].sum()), Counter(synthetic), old)

    def rehearsed(self, rows: "Array") -> "Array":
        """Whether rows [n] of the corpus are old ones."""
        return np.zeros(len(rows), bool) if self._rehearsal is None else self._rehearsal.old[rows]

    def draw(self, chunk: int, size: int, generator: np.random.Generator) -> "tuple[Examples, Array]":
        """The chunk's share of every direction, direction by direction, and the epoch each message is of [n]."""
        before = self._given(chunk, size)
        taken = self._given(chunk + 1, size) - before
        which = np.repeat(np.arange(len(taken)), taken)
        turn = np.arange(len(which)) - np.repeat(np.cumsum(taken) - taken, taken) + np.repeat(before, taken)
        count = self._count[which]
        place = shuffled_index(turn % count, count, self.config.seed, which, turn // count)
        source, target = self._languages[which].T
        row = self._rows(source, target, place, self._pool[which])
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

    def _rows(self, source: "Array", target: "Array", place: "Array", pool: "Array") -> "Array":
        """The row [n] at a place of each message's direction in its pool."""
        row = np.empty(len(place), np.int64)
        for number, each in enumerate(self._pools):
            chosen = pool == number
            if chosen.any():
                row[chosen] = each.find(source[chosen], target[chosen], place[chosen])
        return row

    def _given(self, chunk: int, size: int) -> "Array":
        """Messages of each direction in the first `chunk` chunks."""
        return np.floor(self._share * size * chunk + self._phase).astype(np.int64)
