"""Rows of every direction, their shares, and the messages of a stretch of the plan."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from parley.languages.table import CODES, directions, pair
from parley.pipeline.errors import InputError
from training.batches.batch import Examples
from training.batches.config import BatchingConfig
from training.batches.encoded import EncodedCorpus
from training.batches.joined import JoinedCorpus, one_way_rows
from training.batches.shuffling import shuffled_index

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

TAG_AND_END: Final = 2  # added to a source; the target side has one of them in its input, the other in its labels
_ENDLESS: Final = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Direction:
    """What one direction brings to the sampling.

    Attributes:
        usable: rows that have both sides within max_length.
        too_long: rows left out for their length.
        probability: share of the messages.
    """

    usable: int
    too_long: int
    probability: float


@dataclass(frozen=True)
class OneWay:
    """Synthetic rows to be mixed with those of the corpus.

    Attributes:
        encoded: rows with a column `direction`, the only one that each may be used in; withheld pairs are allowed.
        ratios: direction -> messages for each message of the corpus.
        max_repeats: how often a row is given at most, over the whole stream (0: no limit); a direction that is used up
            gives no more.
    """

    encoded: EncodedCorpus
    ratios: Mapping[str, float]
    max_repeats: int = 0


class DirectionSampler:
    """Walks through the rows of every direction, so fast as its share says.

    A stretch is counted in chunks of `size` messages; the first `chunk` chunks hold the whole-number step of
    share x messages from each direction.

    Attributes:
        directions: what each direction of the corpus brings.
        synthetic: the same of the synthetic rows.
    """

    def __init__(self, corpus: JoinedCorpus, config: BatchingConfig, split: str, one_way: OneWay | None) -> None:
        """Collect the rows of every direction; those of `one_way` are the second part of `corpus`.

        Raises:
            InputError: an empty split, no direction left, an override for a pair without data or a withheld one.
        """
        self.config = config
        self._lengths = corpus.lengths()
        self._collect(corpus.parts[0], split)
        self.synthetic: dict[str, Direction] = {}
        if one_way:
            self._add(one_way, int(corpus.starts[1]))
        self._phase = np.random.default_rng(config.seed).random(len(self._share))

    def mean_length(self) -> float:
        """Target tokens of a message, end included."""
        means = [
            self._lengths[languages[1], self._rows_of(index)].mean() + 1
            for index, languages in enumerate(self._languages)
        ]
        return float(self._share @ np.array(means))

    def counts(self, chunk: int, size: int) -> tuple[int, Counter[str]]:
        """Messages of the first `chunk` chunks: of the corpus, and synthetic ones by direction."""
        given = np.minimum(self._given(chunk, size), self._limit)
        of_corpus = len(self._share) - len(self.synthetic)
        synthetic = dict(zip(self.synthetic, given[of_corpus:].tolist(), strict=True))
        return int(given[:of_corpus].sum()), Counter(synthetic)

    def draw(self, chunk: int, size: int, generator: np.random.Generator) -> Examples:
        """The chunk's share of every direction, direction by direction."""
        before = self._given(chunk, size)
        taken = self._given(chunk + 1, size) - before
        which = np.repeat(np.arange(len(taken)), taken)
        turn = np.arange(len(which)) - np.repeat(np.cumsum(taken) - taken, taken) + np.repeat(before, taken)
        left = turn < self._limit[which]
        which, turn = which[left], turn[left]
        count = self._count[which]
        place = shuffled_index(turn % count, count, self.config.seed, which, turn // count)
        row = self._rows[self._start[which] + place]
        source, target = self._languages[which].T
        return Examples(
            source,
            target,
            row,
            source_length=self._lengths[source, row] + TAG_AND_END,
            target_length=self._lengths[target, row] + 1,
            auto=generator.random(len(row)) < self.config.auto_source_probability,
        )

    def _collect(self, encoded: EncodedCorpus, split: str) -> None:
        """Rows of every pair laid end to end, shared by the pair's two directions."""
        pairs = _usable_rows(encoded, self._lengths, encoded.rows(split), self.config.max_length)
        if split == "train":
            pairs = {key: found for key, found in pairs.items() if key not in encoded.pairs_withheld()}
        named = {name: pairs[key] for name in directions(encoded.languages) if (key := frozenset(pair(name))) in pairs}
        shares = _shares({name: len(rows) for name, (rows, _) in named.items()}, self.config, split, encoded)
        self.directions = {
            name: Direction(len(rows), too_long, shares.get(name, 0.0)) for name, (rows, too_long) in named.items()
        }
        sizes = np.array([len(rows) for rows, _ in pairs.values()])
        start = dict(zip(pairs, np.cumsum(sizes) - sizes, strict=True))
        self._rows = np.concatenate([rows for rows, _ in pairs.values()])
        self._start = np.array([start[frozenset(pair(name))] for name in shares])
        self._count = np.array([len(named[name][0]) for name in shares])
        self._share = np.array(list(shares.values()))
        self._languages = _indices(shares)
        self._limit = np.full(len(shares), _ENDLESS)

    def _add(self, one_way: OneWay, first: int) -> None:
        """Lay the synthetic rows, numbered from `first`, behind those of the corpus, and give them their shares."""
        found, longest = {}, self.config.max_length - TAG_AND_END
        for name, rows in one_way_rows(one_way.encoded).items():
            source, target = (self._lengths[CODES.index(code), first + rows] for code in pair(name))
            fits = (np.minimum(source, target) > 0) & (np.maximum(source, target) <= longest)
            if fits.any() and one_way.ratios.get(name, 0.0) > 0:
                found[name] = first + rows[fits], int((~fits).sum())
        ratios = np.array([one_way.ratios[name] for name in found])
        whole = 1 + float(ratios.sum())
        self.synthetic = {
            name: Direction(len(rows), too_long, float(ratio) / whole)
            for (name, (rows, too_long)), ratio in zip(found.items(), ratios, strict=True)
        }
        counts = np.array([len(rows) for rows, _ in found.values()], np.int64)
        self._start = np.concatenate([self._start, len(self._rows) + np.cumsum(counts) - counts])
        self._rows = np.concatenate([self._rows, *(rows for rows, _ in found.values())])
        self._count = np.concatenate([self._count, counts])
        self._share = np.concatenate([self._share, ratios]) / whole
        self._languages = np.concatenate([self._languages, _indices(found)])
        limit = counts * one_way.max_repeats if one_way.max_repeats else np.full(len(found), _ENDLESS)
        self._limit = np.concatenate([self._limit, limit])

    def _rows_of(self, index: int) -> "Array":
        return self._rows[self._start[index] : self._start[index] + self._count[index]]

    def _given(self, chunk: int, size: int) -> "Array":
        """Messages of each direction in the first `chunk` chunks, were there no end to its rows."""
        return np.floor(self._share * size * chunk + self._phase).astype(np.int64)


def _indices(names: Mapping[str, object]) -> "Array":
    """Source and target of directions as indices into CODES [n, 2]."""
    return np.array([[CODES.index(code) for code in pair(name)] for name in names], np.int64).reshape(-1, 2)


def _usable_rows(
    encoded: EncodedCorpus, lengths: "Array", rows: "Array", max_length: int
) -> "dict[frozenset[str], tuple[Array, int]]":
    """For each pair with data: its rows that have both sides within max_length, and how many are too long."""
    usable = {}
    for first, second in combinations(encoded.languages, 2):
        sizes = lengths[CODES.index(first), rows], lengths[CODES.index(second), rows]
        both = (sizes[0] > 0) & (sizes[1] > 0)
        fits = both & (np.maximum(*sizes) + TAG_AND_END <= max_length)
        if both.any():
            usable[frozenset((first, second))] = rows[fits], int(both.sum() - fits.sum())
    return usable


def _shares(usable: Mapping[str, int], config: BatchingConfig, split: str, encoded: EncodedCorpus) -> dict[str, float]:
    """Probability of each direction that has any."""
    for name in config.pair_weights:
        if not usable.get(name):
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
