"""Word translation probabilities of one direction, learnt from parallel text (IBM model 1; Brown et al., 1993).

Words are those of `words.words_of` in lower case, so in scripts without spaces they are characters. S source words with
the empty word in front, T target words, E entries of the table.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from parley.languages.words import words_of
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
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
    def fit(
        cls, pairs: Iterable[tuple[str, str]], iterations: int = 5, min_count: int = 1, floor: float = 0.0
    ) -> "WordTable":
        """Train on pairs of source and target text.

        Args:
            iterations: of expectation maximisation.
            min_count: rarer words are left out.
            floor: smaller probabilities are left out.
        """
        split = [(lower_words(source), lower_words(target)) for source, target in pairs]
        sources = {EMPTY: 0} | _numbered((words for words, _ in split), min_count, 1)
        targets = _numbered((words for _, words in split), min_count, 0)
        blocks = []
        for source, target in split:
            rows = [0, *dict.fromkeys(sources[word] for word in source if word in sources)]
            blocks.append((np.array(rows), np.array([targets[word] for word in target if word in targets], np.int64)))
        keys, values = _estimate(blocks, len(targets), iterations)
        kept = values > floor
        seen = [row for _, row in blocks]
        counts = np.bincount(np.concatenate(seen) if seen else np.zeros(0, np.int64), minlength=len(targets))
        return cls(sources, targets, keys[kept], values[kept].astype(np.float32), counts.astype(np.float32))

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

    def save(self, folder: Path, name: str) -> None:
        """Write `<name>.safetensors` and the vocabularies, `<name>.json`."""
        arrays = {"keys": self.keys, "values": self.values, "counts": self.counts}
        save_file(arrays, folder / f"{name}.safetensors")
        write_json(folder / f"{name}.json", {"sources": list(self.sources), "targets": list(self.targets)})

    @classmethod
    def load(cls, folder: Path, name: str) -> "WordTable":
        """Read what `save` wrote.

        Raises:
            InputError: missing or broken.
        """
        try:
            arrays = load_file(folder / f"{name}.safetensors")
            words = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            sources, targets = ({word: place for place, word in enumerate(words[side])} for side in words)
            return cls(sources, targets, arrays["keys"], arrays["values"], arrays["counts"])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InputError(f"{folder}: the word table {name} cannot be read: {error}") from error


def _numbered(texts: Iterable[Sequence[str]], min_count: int, first: int) -> dict[str, int]:
    counts = Counter(word for text in texts for word in text)
    kept = (word for word, count in counts.items() if count >= min_count)
    return {word: place for place, word in enumerate(kept, first)}


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
