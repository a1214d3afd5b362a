"""Simple scorers that a quality estimator has to beat, on the same words and sentences.

All give a badness per word (higher is worse) and a score per sentence (higher is better); thresholds on the badness are
tuned on dev by `metrics.best_threshold`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from qe_model.annotation import AnnotatedTranslation, Interval
from qe_model.words import to_words, words_of, words_of_side
from training.significance import Floats

Texts = tuple[str, str]  # source and target
_EMPTY: Final = 0  # the word that target words without a source are aligned to
_FLOOR: Final = 1e-6


@dataclass(frozen=True)
class BaselineScore:
    """Badness of each of N words, and the score of the sentence."""

    words: Floats
    sentence: float


class Baseline(Protocol):
    """Scores translations without any training on annotations."""

    def score(self, translations: Sequence[AnnotatedTranslation]) -> list[BaselineScore]:
        """One score per translation, for its words as `words.words_of_side` gives them."""


class TokenLogProbs(Protocol):
    """What a translation model thinks of given translations."""

    def __call__(self, translations: Sequence[AnnotatedTranslation]) -> Sequence[Sequence[tuple[Interval, float]]]:
        """Characters and log-probability of every token of each target, in order."""


class AllOk:
    """No word is wrong, all sentences are equally good."""

    def score(self, translations: Sequence[AnnotatedTranslation]) -> list[BaselineScore]:
        """Zeros."""
        return [BaselineScore(np.zeros(len(words_of_side(one))), 0.0) for one in translations]


class MinusLength:
    """The longer, the worse: minus the number of characters of the target; no word is worse than another."""

    def score(self, translations: Sequence[AnnotatedTranslation]) -> list[BaselineScore]:
        """Zeros for words, minus the length for sentences."""
        return [BaselineScore(np.zeros(len(words_of_side(one))), -float(len(one.target))) for one in translations]


class TeacherLogProb:
    """Minus the mean log-probability of a word's tokens; their mean for the sentence."""

    def __init__(self, log_probs: TokenLogProbs) -> None:
        """Take what gives log-probabilities of forced targets."""
        self.log_probs = log_probs

    def score(self, translations: Sequence[AnnotatedTranslation]) -> list[BaselineScore]:
        """Words without a token get the badness of the most likely word, 0."""
        told = self.log_probs(translations)
        return [self._one(one, tokens) for one, tokens in zip(translations, told, strict=True)]

    def _one(self, translation: AnnotatedTranslation, tokens: Sequence[tuple[Interval, float]]) -> BaselineScore:
        words = words_of_side(translation)
        sums, counts = np.zeros(len(words)), np.zeros(len(words))
        for interval, log_prob in tokens:
            span = to_words(interval, words)
            sums[span.first : span.last] -= log_prob
            counts[span.first : span.last] += 1
        mean = float(np.mean([log_prob for _, log_prob in tokens])) if tokens else 0.0
        return BaselineScore(sums / np.maximum(counts, 1), mean)


class AlignmentHeuristic:
    """Word frequency and lexical alignment: IBM model 1 trained on sentence pairs of one direction.

    A word is as bad as it is unlikely: minus the log of the best t(word | source word), mixed with its frequency
    (Brown et al. 1993, model 1, with the empty word).
    """

    def __init__(
        self, vocabulary: Mapping[str, int], source: Mapping[str, int], table: "_Table", unigram: Floats
    ) -> None:
        """Made by `fit`."""
        self._target, self._source, self._table, self._unigram = vocabulary, source, table, unigram

    @classmethod
    def fit(cls, pairs: Iterable[Texts], iterations: int = 5) -> "AlignmentHeuristic":
        """Train on pairs of source and target. Repeated targets of one source (many systems) are welcome."""
        source: dict[str, int] = {"": _EMPTY}
        target: dict[str, int] = {"": _EMPTY}
        blocks: list[tuple[list[int], list[int]]] = []
        for source_text, target_text in pairs:
            sources = [_EMPTY, *_numbers(source_text, source)]
            blocks.append((list(dict.fromkeys(sources)), _numbers(target_text, target)))
        counts = np.bincount([w for _, words in blocks for w in words], minlength=len(target)).astype(np.float64)
        unigram = (counts + 1) / (counts.sum() + len(target))
        return cls(target, source, _Table.fit(blocks, len(target), iterations), unigram)

    def score(self, translations: Sequence[AnnotatedTranslation]) -> list[BaselineScore]:
        """Badness per word, and minus its mean for the sentence."""
        found = [self._words(one) for one in translations]
        return [BaselineScore(words, -float(words.mean()) if len(words) else 0.0) for words in found]

    def _words(self, translation: AnnotatedTranslation) -> Floats:
        text = translation.target
        words = [text[start:end].lower() for start, end in words_of_side(translation)]
        known = {self._source[word] for word in _pieces(translation.source) if word in self._source}
        sources = np.array([_EMPTY, *sorted(known)])
        likely = [self._likelihood(word, sources) for word in words]
        return -np.log(np.array(likely)) if likely else np.zeros(0)

    def _likelihood(self, word: str, sources: NDArray[np.int64]) -> float:
        number = self._target.get(word)
        if number is None:  # never seen: fine if it is copied, else as bad as can be
            return 1.0 if word in self._source else _FLOOR
        return max(_FLOOR, self._table.best(number, sources), float(self._unigram[number]))


class _Table:
    """t(target | source) as sorted keys and values."""

    def __init__(self, keys: NDArray[np.int64], values: Floats, width: int) -> None:
        self._keys, self._values, self._width = keys, values, width

    @classmethod
    def fit(cls, blocks: Sequence[tuple[list[int], list[int]]], width: int, iterations: int) -> "_Table":
        """Expectation maximisation over all word pairs at once; `width` is the number of target words."""
        pairs = [np.add.outer(np.array(s) * width, np.array(t, np.int64)).T.ravel() for s, t in blocks if t]
        keys, cell = np.unique(np.concatenate(pairs), return_inverse=True)
        lengths = np.concatenate([np.full(len(t), len(s)) for s, t in blocks if t])
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        values, sources = np.ones(len(keys)), keys // width
        for _ in range(iterations):
            weight = values[cell]
            weight /= np.repeat(np.add.reduceat(weight, starts), lengths)
            counts = np.bincount(cell, weight, minlength=len(keys))
            values = counts / np.bincount(sources, counts)[sources]
        return cls(keys, values, width)

    def best(self, target: int, sources: NDArray[np.int64]) -> float:
        """Highest t(target | source) over the sources."""
        wanted = sources * self._width + target
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        return float(np.where(self._keys[place] == wanted, self._values[place], 0.0).max())


def _pieces(text: str) -> list[str]:
    return [text[start:end].lower() for start, end in words_of(text)]


def _numbers(text: str, vocabulary: dict[str, int]) -> list[int]:
    return [vocabulary.setdefault(word, len(vocabulary)) for word in _pieces(text)]
