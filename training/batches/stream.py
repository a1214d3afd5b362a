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

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from parley.languages.table import CODES, pair
from training.batches.batch import Batch, Examples, make_batch
from training.batches.config import BatchingConfig
from training.batches.cutting import cut, length_order
from training.batches.direction_sampling import TAG_AND_END, Direction, DirectionSampler, OneWay
from training.batches.encoded import EncodedCorpus
from training.batches.joined import JoinedCorpus

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]


class BatchStream:
    """Endless batches of one process; `state_dict` saved after a batch and loaded again leads to the next one."""

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
        self.sampler = DirectionSampler(self.corpus, config, split, one_way)
        size = config.chunk_batches * config.batch_tokens / self.sampler.mean_length()
        self._chunk_size = max(1, int(size))
        self._chunk = self._batch = 0
        self._plans: dict[int, tuple[Examples, Array, Array]] = {}

    @property
    def directions(self) -> Mapping[str, Direction]:
        """What each direction of the corpus brings."""
        return self.sampler.directions

    @property
    def synthetic(self) -> Mapping[str, Direction]:
        """The same of the synthetic rows."""
        return self.sampler.synthetic

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
        of_corpus, found = self.sampler.counts(chunk, self._chunk_size)
        examples, edges, order = self._plan(chunk)
        given = [np.arange(edges[chosen], edges[chosen + 1]) for chosen in order[:batch]]
        begun = examples.take(np.concatenate([np.zeros(0, np.int64), *given]))
        synthetic = self.corpus.part_of(begun.row) > 0
        both = zip(begun.source[synthetic].tolist(), begun.target[synthetic].tolist(), strict=True)
        found.update(f"{CODES[source]}-{CODES[target]}" for source, target in both)
        return of_corpus + int((~synthetic).sum()), dict(found)

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
            examples = self.sampler.draw(chunk, self._chunk_size, generator)
            examples = examples.take(
                length_order(examples.source_length, examples.target_length, self.config, generator)
            )
            edges = cut(examples.source_length, examples.target_length, self.config)
            for old in [key for key in self._plans if key < self._chunk]:
                del self._plans[old]
            self._plans[chunk] = examples, edges, generator.permutation(len(edges) - 1)
        return self._plans[chunk]


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
    kept = np.flatnonzero(np.maximum(*lengths) + TAG_AND_END <= config.max_length)[: limit or None]
    if not len(kept):
        return
    examples = Examples(
        source=np.full(len(kept), CODES.index(source)),
        target=np.full(len(kept), CODES.index(target)),
        row=rows[kept],
        source_length=lengths[0][kept] + TAG_AND_END,
        target_length=lengths[1][kept] + 1,
        auto=np.zeros(len(kept), bool),
    )
    examples = examples.take(np.lexsort((examples.source_length, examples.target_length)))
    edges = cut(examples.source_length, examples.target_length, config)
    for start, stop in pairwise(edges):
        yield make_batch(encoded, examples.take(slice(start, stop)))
