"""Word translation probabilities of one direction, learnt from parallel text (IBM model 1; Brown et al., 1993).

Words are those of `words.words_of` in lower case, so in scripts without spaces they are characters. S source words with
the empty word in front, T target words, E entries of the table.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

import numpy as np

from parley.languages.words import words_of
from qe_model.arrays import Floats, Ints

EMPTY: Final = ""  # the source word of what has no source
UNKNOWN: Final = -1


def lower_words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return [text[start:end].lower() for start, end in words_of(text)]


class WordTable:
    """t(target | source), sparse.

    Args:
        sources, targets: vocabularies, word -> number; number 0 of the sources is the empty word.
        keys: [E] source x targets + target, rising.
        values: [E] probabilities.
        counts: [targets] how often each target word was seen.
    """

    def __init__(
        self, sources: dict[str, int], targets: dict[str, int], keys: Ints, values: Floats, counts: Floats
    ) -> None:
        self.sources, self.targets, self.keys, self.values, self.counts = sources, targets, keys, values, counts

    @classmethod
    def fit(cls, pairs: Iterable[tuple[str, str]], iterations: int = 5) -> "WordTable":
        """Train on pairs of source and target text by so many iterations of expectation maximisation."""
        split = [(lower_words(source), lower_words(target)) for source, target in pairs]
        sources = {EMPTY: 0} | _numbered((words for words, _ in split), 1)
        targets = _numbered((words for _, words in split), 0)
        blocks = []
        for source, target in split:
            rows = [0, *dict.fromkeys(sources[word] for word in source)]
            blocks.append((np.array(rows), np.array([targets[word] for word in target], np.int64)))
        keys, values = _estimate(blocks, len(targets), iterations)
        seen = [row for _, row in blocks]
        counts = np.bincount(np.concatenate(seen) if seen else np.zeros(0, np.int64), minlength=len(targets))
        return cls(sources, targets, keys, values.astype(np.float32), counts.astype(np.float32))

    def probabilities(self, source: Sequence[str], target: Sequence[str]) -> Floats:
        """t of each target word given the empty word and each source word: (S, T), 0 for unknown words."""
        rows = np.array([0, *(self.sources.get(word, UNKNOWN) for word in source)], np.int64)[:, None]
        columns = self.numbers(target)
        wanted = rows * len(self.targets) + columns
        if not len(self.keys):
            return np.zeros(wanted.shape, np.float32)
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found = (self.keys[place] == wanted) & (rows != UNKNOWN) & (columns != UNKNOWN)
        return np.where(found, self.values[place], np.float32(0))

    def numbers(self, target: Sequence[str]) -> Ints:
        """Numbers of target words [T], -1 for unknown ones."""
        return np.array([self.targets.get(word, UNKNOWN) for word in target], np.int64)


def _numbered(texts: Iterable[Sequence[str]], first: int) -> dict[str, int]:
    return {word: place for place, word in enumerate(dict.fromkeys(chain.from_iterable(texts)), first)}


def _estimate(blocks: Sequence[tuple[Ints, Ints]], width: int, iterations: int) -> tuple[Ints, Floats]:
    """Keys and values by expectation maximisation over all word pairs at once; `width`: number of target words."""
    told = [(rows, columns) for rows, columns in blocks if len(columns)]
    if not told:
        return np.zeros(0, np.int64), np.zeros(0)
    pairs = [np.add.outer(rows * width, columns).T.ravel() for rows, columns in told]
    keys, cell = np.unique(np.concatenate(pairs), return_inverse=True)
    lengths = np.concatenate([np.full(len(columns), len(rows)) for rows, columns in told])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    values, sources = np.ones(len(keys)), keys // width
    for _ in range(iterations):
        weight = values[cell]
        weight /= np.repeat(np.add.reduceat(weight, starts), lengths)
        counts = np.bincount(cell, weight, minlength=len(keys))
        values = counts / np.bincount(sources, counts)[sources]
    return keys, values
