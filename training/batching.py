"""Encoded corpus -> sampled directions -> token-budget batches, for ever, resumable at any batch.

- the plan is a function of (corpus, config, split) alone: chunk k is computed from (seed, k) alone
- a direction's share p ~ rows^(1/temperature); its count in a chunk is the whole-number step of p x examples so far, so
  shares are met exactly instead of on average
- a direction walks through its rows in a pseudo-random order (a keyed permutation, nothing stored), each once per epoch
- within a chunk, examples of all directions are sorted by length and cut at the token
  budgets; the batches are then shuffled
- synthetic rows, usable in one direction only, come in as further directions with shares of their own (`OneWay`)
- processes take turns over the same plan: process r of w gets batches r, r + w, ... whatever w is
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipeline.errors import InputError
from training.batch import Batch, Examples, make_batch
from training.encoded import EncodedCorpus
from training.joined import JoinedCorpus, one_way_rows
from training.languages import CODES, directions, pair
from training.shuffling import shuffled_index

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

_BANDS: Final = 2.0  # bands of target length per square root of batches
_ENDLESS: Final = np.iinfo(np.int64).max
_EXTRA: Final = 2  # tag and end; the target side has one of them in its input, the other in its labels


@dataclass(frozen=True)
class BatchingConfig:
    """How batches are made.

    Attributes:
        batch_tokens: padded target tokens in a batch, B x T, at most.
        source_tokens: padded source tokens in a batch, B x S, at most; 0 means 1.5 x batch_tokens.
        max_length: messages longer than this on either side, tags and end included, are left out and counted.
        temperature: directions are sampled with p ~ rows^(1/temperature).
        pair_weights: factors on p by direction (`en-th: 2.0`); 0 leaves a direction out.
        auto_source_probability: share of messages whose source tag is replaced by `__auto__`.
        chunk_batches: about so many batches are planned and sorted together; more fill better and cost memory.
        seed: of the plan.
    """

    batch_tokens: int = 4096
    source_tokens: int = 0
    max_length: int = 128
    temperature: float = 2.0
    pair_weights: dict[str, float] = field(default_factory=dict)
    auto_source_probability: float = 0.2
    chunk_batches: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_length < 3:
            raise InputError(f"batching.max_length={self.max_length}: must be 3 or more (tag, one token, end)")
        if min(self.batch_tokens, self.source_budget) < self.max_length:
            raise InputError(
                f"batching.batch_tokens={self.batch_tokens} (source {self.source_budget}): "
                f"must hold one message of max_length={self.max_length}"
            )
        if self.temperature < 1:
            raise InputError(f"batching.temperature={self.temperature}: must be 1 or more")
        if not 0 <= self.auto_source_probability <= 1:
            raise InputError(f"batching.auto_source_probability={self.auto_source_probability}: must lie in 0 to 1")
        if self.chunk_batches < 1:
            raise InputError(f"batching.chunk_batches={self.chunk_batches}: must be 1 or more")
        for direction, weight in self.pair_weights.items():
            pair(direction)
            if weight < 0:
                raise InputError(f"batching.pair_weights.{direction}={weight}: must be 0 or more")

    @property
    def source_budget(self) -> int:
        """Padded source tokens in a batch, at most."""
        return self.source_tokens or self.batch_tokens * 3 // 2


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


class BatchStream:
    """Endless batches of one process; `state_dict` saved after a batch and loaded again leads to the next one.

    Attributes:
        directions: what each direction of the corpus brings.
        synthetic: the same of the synthetic rows.
    """

    def __init__(
        self,
        encoded: EncodedCorpus,
        config: BatchingConfig,
        split: str = "train",
        rank: int = 0,
        world: int = 1,
        one_way: OneWay | None = None,
    ) -> None:
        """Collect the rows of every direction; process `rank` of `world` takes its turns.

        Raises:
            InputError: an empty split, no direction left, an override for a pair without data or a withheld one,
                synthetic rows of another vocabulary.
        """
        self.config, self.rank, self.world = config, rank, world
        self.corpus = JoinedCorpus(encoded, *([one_way.encoded] if one_way else []))
        self._lengths = self.corpus.lengths()
        self._collect(encoded, split)
        self.synthetic: dict[str, Direction] = {}
        if one_way:
            self._add(one_way, int(self.corpus.starts[1]))
        means = [
            self._lengths[languages[1], self._rows_of(index)].mean() + 1
            for index, languages in enumerate(self._languages)
        ]
        size = config.chunk_batches * config.batch_tokens / float(self._share @ np.array(means))
        self._chunk_size = max(1, int(size))
        self._phase = np.random.default_rng(config.seed).random(len(self._share))
        self._chunk = self._batch = 0
        self._plans: dict[int, tuple[Examples, Array, Array]] = {}

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
        found = {}
        for name, rows in one_way_rows(one_way.encoded).items():
            source, target = (self._lengths[CODES.index(code), first + rows] for code in pair(name))
            fits = (np.minimum(source, target) > 0) & (np.maximum(source, target) + _EXTRA <= self.config.max_length)
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

    @property
    def too_long(self) -> int:
        """Messages left out because they exceed max_length, over all directions."""
        return sum(direction.too_long for direction in self.directions.values())

    def __iter__(self) -> Iterator[Batch]:
        """Yield this process's batches from the current position, without end."""
        while True:
            chunk, batch = self._locate(self._chunk, self._batch + self.rank)
            examples, edges, order = self._plan(chunk)
            chosen = order[batch]
            self._chunk, self._batch = self._locate(self._chunk, self._batch + self.world)
            yield make_batch(self.corpus, examples.take(slice(edges[chosen], edges[chosen + 1])))

    def state_dict(self) -> dict[str, int]:
        """Position in the plan: the same for every process that has taken as many batches, and for any `world`."""
        return {"chunk": self._chunk, "batch": self._batch}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from a saved position."""
        self._chunk, self._batch = int(state["chunk"]), int(state["batch"])

    def messages(self, state: Mapping[str, int]) -> tuple[int, dict[str, int]]:
        """Messages given up to a position, over all processes: of the corpus, and synthetic ones by direction."""
        chunk, batch = int(state["chunk"]), int(state["batch"])
        whole = np.minimum(np.floor(self._share * self._chunk_size * chunk + self._phase).astype(np.int64), self._limit)
        of_corpus = len(self._share) - len(self.synthetic)
        found = Counter(dict(zip(self.synthetic, whole[of_corpus:].tolist(), strict=True)))
        examples, edges, order = self._plan(chunk)
        given = [np.arange(edges[chosen], edges[chosen + 1]) for chosen in order[:batch]]
        begun = examples.take(np.concatenate([np.zeros(0, np.int64), *given]))
        synthetic = self.corpus.part_of(begun.row) > 0
        both = zip(begun.source[synthetic].tolist(), begun.target[synthetic].tolist(), strict=True)
        found.update(f"{CODES[source]}-{CODES[target]}" for source, target in both)
        return int(whole[:of_corpus].sum() + (~synthetic).sum()), dict(found)

    def _locate(self, chunk: int, batch: int) -> tuple[int, int]:
        """The chunk and batch meant by a batch number that may lie beyond the chunk's end."""
        while batch >= len(self._plan(chunk)[2]):
            batch -= len(self._plan(chunk)[2])
            chunk += 1
        return chunk, batch

    def _plan(self, chunk: int) -> "tuple[Examples, Array, Array]":
        """Examples of a chunk sorted by length, edges of its batches [n + 1], and the order they are given in [n]."""
        if chunk not in self._plans:
            generator = np.random.default_rng((self.config.seed, chunk))
            examples = self._draw(chunk, generator)
            examples = examples.take(
                length_order(examples.source_length, examples.target_length, self.config, generator)
            )
            edges = cut(examples.source_length, examples.target_length, self.config)
            for old in [key for key in self._plans if key < self._chunk]:
                del self._plans[old]
            self._plans[chunk] = examples, edges, generator.permutation(len(edges) - 1)
        return self._plans[chunk]

    def _draw(self, chunk: int, generator: np.random.Generator) -> Examples:
        """The chunk's share of every direction, direction by direction."""
        before, after = (
            np.floor(self._share * self._chunk_size * number + self._phase).astype(np.int64)
            for number in (chunk, chunk + 1)
        )
        taken = after - before
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
            source_length=self._lengths[source, row] + _EXTRA,
            target_length=self._lengths[target, row] + 1,
            auto=generator.random(len(row)) < self.config.auto_source_probability,
        )


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
        fits = both & (np.maximum(*sizes) + _EXTRA <= max_length)
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


def length_order(source: "Array", target: "Array", config: BatchingConfig, generator: np.random.Generator) -> "Array":
    """Order by bands of target length, in each by source length, up and down in turn so that neighbours stay alike.

    Bands hold equal shares of the target tokens. Their number follows the number of batches: more would fill targets
    better and sources worse.
    """
    tokens = np.bincount(target) * np.arange(int(target.max()) + 1)
    batches = max(tokens.sum() / config.batch_tokens, source.sum() / config.source_budget)
    bands = np.ceil(_BANDS * np.sqrt(batches))
    band = ((np.cumsum(tokens) - tokens / 2) / tokens.sum() * bands).astype(np.int64)[target]
    along = np.where(band % 2, (1 << 15) - source, source).astype(np.int64)
    return np.argsort((band << 40) | (along << 20) | generator.integers(0, 1 << 20, len(source)))


def cut(source: "Array", target: "Array", config: BatchingConfig) -> "Array":
    """Edges [n + 1] of batches over examples in order, each as long as both padded sizes stay within their budgets."""
    edges = [0]
    while edges[-1] < len(target):
        start = edges[-1]
        window = slice(start, start + max(1, config.batch_tokens // 2))
        sizes = np.arange(1, len(target[window]) + 1)
        fits = np.maximum.accumulate(target[window]) * sizes <= config.batch_tokens
        fits &= np.maximum.accumulate(source[window]) * sizes <= config.source_budget
        edges.append(start + max(1, int(fits.sum())))
    return np.array(edges)


def direction_batches(
    encoded: EncodedCorpus, direction: str, config: BatchingConfig, split: str = "dev", limit: int = 0
) -> Iterator[Batch]:
    """A direction's messages once, in batches sorted by length: for validation by loss.

    Args:
        limit: the first so many messages only; 0 for all. Messages longer than max_length are left out.
    """
    source, target = pair(direction)
    rows = encoded.pair_rows(source, target, split)
    lengths = encoded.lengths(source)[rows], encoded.lengths(target)[rows]
    kept = np.flatnonzero(np.maximum(*lengths) + _EXTRA <= config.max_length)[: limit or None]
    if not len(kept):
        return
    examples = Examples(
        source=np.full(len(kept), CODES.index(source)),
        target=np.full(len(kept), CODES.index(target)),
        row=rows[kept],
        source_length=lengths[0][kept] + _EXTRA,
        target_length=lengths[1][kept] + 1,
        auto=np.zeros(len(kept), bool),
    )
    examples = examples.take(np.lexsort((examples.source_length, examples.target_length)))
    edges = cut(examples.source_length, examples.target_length, config)
    for start, stop in pairwise(edges):
        yield make_batch(encoded, examples.take(slice(start, stop)))
