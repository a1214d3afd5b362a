"""Simple scorers that a quality estimator has to beat, on the same words and sentences.

All give a badness per word (higher is worse) and a score per sentence (higher is better); thresholds on the badness are
tuned on dev by `metrics.best_threshold`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from parley.metrics.significance import Floats
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.labels import style_of
from qe_model.annotations.raters import labels_of
from qe_model.annotations.words import words_of_side
from qe_model.evaluation.word_table import UNKNOWN, WordTable, lower_words

Texts = tuple[str, str]  # source and target
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


class BaseRate:
    """All words are as bad as words of translations annotated in the same way are on average.

    What a correlation over several sets gains from knowing the set alone; 0 within one set.
    """

    def __init__(self, rates: Mapping[str, float]) -> None:
        """Take the shares of bad words by style."""
        self.rates = dict(rates)

    @classmethod
    def fit(cls, translations: Iterable[AnnotatedTranslation]) -> "BaseRate":
        """Count."""
        bad: dict[str, list[int]] = defaultdict(list)
        for one in translations:
            bad[style_of(one)] += [int(severity > 0) for severity in labels_of(one).severity]
        return cls({style: sum(labels) / len(labels) for style, labels in bad.items() if labels})

    def score(self, translations: Sequence[AnnotatedTranslation]) -> list[BaselineScore]:
        """The rate for each word; nothing for sentences."""
        rates = (self.rates.get(style_of(one), 0.0) for one in translations)
        return [
            BaselineScore(np.full(len(words_of_side(one)), rate), 0.0)
            for one, rate in zip(translations, rates, strict=True)
        ]


class AlignmentHeuristic:
    """Word frequency and lexical alignment: IBM model 1 trained on sentence pairs of one direction.

    A word is as bad as it is unlikely: minus the log of the best t(word | source word), mixed with its frequency
    (Brown et al. 1993, model 1, with the empty word).
    """

    def __init__(self, table: WordTable) -> None:
        """Made by `fit`."""
        self._table = table
        self._unigram = (table.counts + 1) / (table.counts.sum() + len(table.counts))

    @classmethod
    def fit(cls, pairs: Iterable[Texts]) -> "AlignmentHeuristic":
        """Train on pairs of source and target. Repeated targets of one source (many systems) are welcome."""
        return cls(WordTable.fit(pairs))

    def score(self, translations: Sequence[AnnotatedTranslation]) -> list[BaselineScore]:
        """Badness per word, and minus its mean for the sentence."""
        found = [self._words(one) for one in translations]
        return [BaselineScore(words, -float(words.mean()) if len(words) else 0.0) for words in found]

    def _words(self, translation: AnnotatedTranslation) -> Floats:
        text = translation.target
        words = [text[start:end].lower() for start, end in words_of_side(translation)]
        source = lower_words(translation.source)
        if not words:
            return np.zeros(0)
        best_N, numbers_N = self._table.probabilities(source, words).max(0), self._table.numbers(words)
        likely_N = np.maximum(best_N, self._unigram[numbers_N]) if len(self._unigram) else best_N
        unseen_N = np.where(np.isin(words, source), 1.0, _FLOOR)  # never seen: fine if it is copied, else bad
        return -np.log(np.maximum(_FLOOR, np.where(numbers_N == UNKNOWN, unseen_N, likely_N)))
