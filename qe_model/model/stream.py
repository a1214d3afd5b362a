"""Annotated translations -> mixed in shares -> batches of like length, for ever, resumable at any batch.

Chunk k of the plan is a function of (seed, k) alone: shares of groups are met exactly, each group walks
through its examples in a keyed order, and only the chunk at hand is cut into pieces.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import SIDES, AnnotatedTranslation
from qe_model.annotations.labels import ExampleLabels, example_labels, style_of
from qe_model.annotations.words import words_of_side
from qe_model.arrays import Ints
from qe_model.model.batch import QEBatch
from qe_model.model.collate import batches_of, collate
from qe_model.model.config import CONTRAST, MixtureConfig
from qe_model.model.inputs import InputEncoder, JointInput
from qe_model.synthetic.contrastive import is_contrast
from training.batches.shuffling import shuffled_index

if TYPE_CHECKING:
    Example = tuple[JointInput, ExampleLabels]

_TYPICAL: Final = 80  # pieces of an example, for the size of a chunk
CHUNK_BATCHES: Final = 50  # about so many batches are drawn, encoded and sorted by length together


def first_windows(translations: Sequence[AnnotatedTranslation], encoder: InputEncoder) -> "list[Example]":
    """The first window of each translation with its labels: all of it, unless it is very long."""
    words = {side: [words_of_side(one, side) for one in translations] for side in SIDES}
    sides = encoder.sides(translations, words)
    contexts = encoder.context([one.context for one in translations])
    examples = []
    for place, one in enumerate(translations):
        languages = one.source_lang, one.target_lang
        windows = encoder.windows(languages, *sides[place], contexts[place], style_of(one))
        joint, target, source = next(windows)
        labels = example_labels(one, words["target"][place], words["source"][place])
        examples.append((joint, labels.part(target, source)))
    return examples


class ExampleStream:
    """Endless batches of one process.

    Args:
        translations: to learn from.
        config: shares, size of batches.
        encoder: of texts.
        pad_id: of the vocabulary.
        seed: of the order of examples.

    Raises:
        InputError: nothing to learn from.
    """

    def __init__(
        self,
        translations: Sequence[AnnotatedTranslation],
        config: MixtureConfig,
        encoder: InputEncoder,
        pad_id: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.translations, self.config, self.encoder, self.pad_id = translations, config, encoder, pad_id
        self.seed, self.rank, self.world = seed, rank, world
        groups = _groups(translations, config)
        self.shares = _shares({key: len(rows) for key, rows in groups.items()}, config)
        self._rows = [np.array(groups[key]) for key in self.shares]
        self._share = np.array(list(self.shares.values()))
        self._phase = np.random.default_rng(seed).random(len(self._share))
        self._chunk_size = max(8, CHUNK_BATCHES * config.batch_tokens // _TYPICAL)
        self._chunk = self._batch = 0
        self._made: dict[int, tuple[list[Example], list[Ints]]] = {}

    def __iter__(self) -> Iterator[QEBatch]:
        """Yield this process's batches from the current position on."""
        while True:
            chunk, batch = self._locate(self._chunk, self._batch + self.rank)
            examples, batches = self._plan(chunk)
            chosen = [examples[place] for place in batches[batch]]
            self._chunk, self._batch = self._locate(self._chunk, self._batch + self.world)
            inputs, labels = zip(*chosen, strict=True)
            yield collate(inputs, self.encoder, self.pad_id, labels)

    def state_dict(self) -> dict[str, int]:
        """Position in the plan."""
        return {"chunk": self._chunk, "batch": self._batch}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from a saved position."""
        self._chunk, self._batch = int(state["chunk"]), int(state["batch"])

    def _locate(self, chunk: int, batch: int) -> tuple[int, int]:
        while batch >= len(self._plan(chunk)[1]):
            batch -= len(self._plan(chunk)[1])
            chunk += 1
        return chunk, batch

    def _plan(self, chunk: int) -> "tuple[list[Example], list[Ints]]":
        if chunk not in self._made:
            for old in [key for key in self._made if key < self._chunk]:
                del self._made[old]
            drawn = [self.translations[row] for row in self._draw(chunk)]
            examples = first_windows(drawn, self.encoder)
            batches = batches_of([one.length for one, _ in examples], self.config.batch_tokens)
            order = np.random.default_rng((self.seed, chunk)).permutation(len(batches))
            self._made[chunk] = examples, [batches[place] for place in order]
        return self._made[chunk]

    def _draw(self, chunk: int) -> list[int]:
        """The chunk's share of every group."""
        steps = [
            np.floor(self._share * self._chunk_size * n + self._phase).astype(np.int64) for n in (chunk, chunk + 1)
        ]
        drawn: list[int] = []
        for group, (rows, before, after) in enumerate(zip(self._rows, *steps, strict=True)):
            turn = np.arange(before, after)
            count = np.full(len(turn), len(rows))
            place = shuffled_index(turn % len(rows), count, self.seed, group, turn // len(rows))
            drawn += rows[place].tolist()
        return drawn


Group = tuple[str, str, str]  # origin, direction, style


def _groups(translations: Sequence[AnnotatedTranslation], config: MixtureConfig) -> dict[Group, list[int]]:
    groups: dict[Group, list[int]] = defaultdict(list)
    for row, one in enumerate(translations):
        origin = CONTRAST if CONTRAST in config.origins and is_contrast(one) else one.origin
        if config.takes(origin, one.direction) and config.origins.get(origin, 0):
            groups[origin, one.direction, style_of(one)].append(row)
    if not groups:
        raise InputError(
            f"quality estimation: no annotated translation to learn from, of {len(translations)}, "
            f"with origins {config.origins} and directions {config.directions or 'of all kinds'}"
        )
    return dict(sorted(groups.items()))


def _shares(sizes: Mapping[Group, int], config: MixtureConfig) -> dict[Group, float]:
    """Share of each group; they sum to 1."""
    weight = {key: size ** (1 / config.temperature) for key, size in sizes.items()}
    within: dict[str, float] = defaultdict(float)
    for (origin, *_), value in weight.items():
        within[origin] += value
    total = sum(config.origins[origin] for origin in within)
    return {key: value / within[key[0]] * config.origins[key[0]] / total for key, value in weight.items()}
