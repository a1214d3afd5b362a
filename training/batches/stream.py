"""Encoded corpus -> sampled directions -> token-budget batches, for ever, resumable at any batch.

- the plan is a function of (corpus, config, split) alone: chunk k is computed from (seed, k) alone
- a direction's share p ~ rows^(1/temperature); its count in a chunk is the whole-number step of p x examples so far, so
  shares are met exactly instead of on average
- a direction walks through its rows in a pseudo-random order (a keyed permutation, nothing stored), each once per epoch
- within a chunk, some messages are rewritten (`augmented`, in train); examples of all directions are then sorted by
  length and cut at the token budgets; the batches are then shuffled
- synthetic rows, usable in one direction only, come in as further directions with shares of their own (`OneWay`)
- where training goes on, old rows and new ones are pools with shares of their own (`Rehearsal`)
- processes take turns over the same plan: process r of w gets batches r, r + w, ... whatever w is
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from parley.languages.table import CODES
from training.batches.augmented import Augmenter
from training.batches.batch import Batch, Examples, make_batch
from training.batches.bucketing import CHUNK_BATCHES, batch_edges, length_order
from training.batches.concat import ConcatCorpus
from training.batches.config import BatchingConfig
from training.batches.direction_sampling import DirectionSampler, Given
from training.batches.encoded import EncodedCorpus
from training.batches.one_way import OneWay
from training.batches.pools import Direction
from training.batches.rehearsal import Rehearsal

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Chunk:
    """Messages that are planned together.

    Attributes:
        corpus: what the examples are rows of.
        examples: in the order of their batches.
        synthetic, rehearsed: [n] whether an example is a synthetic row, or an old one.
        edges: [batches + 1] of the batches among the examples.
        order: [batches] that the batches are given in.
    """

    corpus: ConcatCorpus
    examples: Examples
    synthetic: "Array"
    rehearsed: "Array"
    edges: "Array"
    order: "Array"

    def batch(self, place: int) -> Batch:
        """The batch at a place in the order."""
        chosen = self.order[place]
        return make_batch(self.corpus, self.examples.take(slice(self.edges[chosen], self.edges[chosen + 1])))


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
        rehearsal: Rehearsal | None = None,
    ) -> None:
        """Count the rows of every direction; process `rank` of `world` takes its turns.

        Raises:
            InputError: an empty split, no direction left, an override for a pair without data or a withheld one,
                synthetic rows of another vocabulary, augmentations of a store without its tokenizer.
        """
        self.config, self.rank, self.world = config, rank, world
        self.corpus = ConcatCorpus(encoded, *([one_way.encoded] if one_way else []))
        self.sampler = DirectionSampler(self.corpus, config, split, one_way, rehearsal)
        self._augment = Augmenter(self.corpus, config) if config.augmentations and split == "train" else None
        self._chunk_size = max(1, int(CHUNK_BATCHES * config.batch_tokens / self.sampler.mean_length()))
        self._chunk = self._batch = 0
        self._chunks: dict[int, Chunk] = {}

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
            planned = self._plan(chunk)
            self._chunk, self._batch = self._locate(self._chunk, self._batch + self.world)
            yield planned.batch(batch)

    def state_dict(self) -> dict[str, int]:
        """Position in the plan: the same for every process that has taken as many batches, and for any `world`."""
        return {"chunk": self._chunk, "batch": self._batch}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from a saved position."""
        self._chunk, self._batch = int(state["chunk"]), int(state["batch"])

    def chunk_length(self, chunk: int) -> int:
        """Batches of a chunk of the plan, over all processes."""
        return len(self._plan(chunk).order)

    def messages(self, state: Mapping[str, int]) -> Given:
        """Messages given up to a position, over all processes."""
        chunk, batch = int(state["chunk"]), int(state["batch"])
        human, synthetic, rehearsed = self.sampler.counts(chunk, self._chunk_size)
        planned = self._plan(chunk)
        given = [np.arange(planned.edges[chosen], planned.edges[chosen + 1]) for chosen in planned.order[:batch]]
        begun = np.concatenate([np.zeros(0, np.int64), *given])
        made = planned.examples.take(begun[planned.synthetic[begun]])
        both = zip(made.source.tolist(), made.target.tolist(), strict=True)
        synthetic.update(f"{CODES[source]}-{CODES[target]}" for source, target in both)
        return Given(human + len(begun) - len(made.row), synthetic, rehearsed + int(planned.rehearsed[begun].sum()))

    def _locate(self, chunk: int, batch: int) -> tuple[int, int]:
        """The chunk and batch meant by a batch number that may lie beyond the chunk's end."""
        while batch >= len(self._plan(chunk).order):
            batch -= len(self._plan(chunk).order)
            chunk += 1
        return chunk, batch

    def _plan(self, number: int) -> Chunk:
        """The chunk of a number; those of the current position and behind it are kept."""
        if number not in self._chunks:
            self._chunks = {key: chunk for key, chunk in self._chunks.items() if key >= self._chunk}
            self._chunks[number] = self._planned(number)
        return self._chunks[number]

    def _planned(self, number: int) -> Chunk:
        generator = np.random.default_rng((self.config.seed, number))
        examples, epoch = self.sampler.draw(number, self._chunk_size, generator)
        synthetic = self.corpus.part_of(examples.row) > 0
        rehearsed = np.zeros(len(synthetic), bool)
        rehearsed[~synthetic] = self.sampler.rehearsed(examples.row[~synthetic])
        corpus = self.corpus
        if self._augment:
            corpus, examples = self._augment(examples, epoch)
        lengths = examples.source_length, examples.target_length
        order = length_order(*lengths, self.config, generator)
        edges = batch_edges(lengths[0][order], lengths[1][order], self.config)
        kinds = synthetic[order], rehearsed[order]
        return Chunk(corpus, examples.take(order), *kinds, edges, generator.permutation(len(edges) - 1))
