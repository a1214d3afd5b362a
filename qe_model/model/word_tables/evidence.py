"""What word tables say of each word of a text, given the text that it translates, or that translates it.

N words, M words of the other text, F = FEATURES.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from parley.languages.words import Interval, words_of
from qe_model.annotations.words import touched_words
from qe_model.model.word_tables.word_table import UNKNOWN, Floats, WordTable, lower_words

FEATURES: Final = 11
_FLOOR: Final = 1e-6
_NATS: Final = 5.0  # logarithms are divided by this, which brings them near 1
_ALIGNED: Final = 0.01  # least probability at which a word counts as aligned


def word_evidence(forward: WordTable, back: WordTable, text: str, other: str) -> Floats:
    """Evidence (N, F) on the words of `text`, for `words_of(text)`.

    Args:
        forward: t(word of `text` | word of `other`).
        back: t(word of `other` | word of `text`).
    """
    words, others = lower_words(text), lower_words(other)
    if not words:
        return np.zeros((0, FEATURES), np.float32)
    table_MN = forward.probabilities(others, words)
    empty_N, table_MN = table_MN[0], table_MN[1:]
    back_N = back.probabilities(words, others)[1:].max(1, initial=0.0)
    copied_N = np.isin(words, others)
    best_N = np.where(copied_N, 1.0, table_MN.max(0, initial=0.0))
    place_N = table_MN.argmax(0) if len(others) else np.zeros(len(words), np.int64)
    numbers = forward.numbers(words)
    known_N = numbers != UNKNOWN
    counts_N = np.where(known_N, forward.counts[numbers] if len(forward.counts) else 0.0, 0.0)
    offset_N = (place_N + 0.5) / max(1, len(others)) - (np.arange(len(words)) + 0.5) / len(words)
    columns = [
        np.ones(len(words)),  # there is evidence at all
        _log(best_N),
        _log(table_MN.sum(0)),
        _log(empty_N),
        best_N / (table_MN.sum(0) + empty_N + _FLOOR).clip(best_N),
        _log(back_N),
        np.log1p(counts_N) / _NATS,
        copied_N,
        ~known_N & ~copied_N,
        _sharers(best_N, place_N),
        np.where(best_N > _ALIGNED, offset_N, 0.0),
    ]
    return np.stack(columns, 1).astype(np.float32)


def carried(evidence_NF: Floats, text: str, words: Sequence[Interval]) -> Floats:
    """Evidence on `words_of(text)` for other words of the same text: means of what they touch, zeros for the rest."""
    own = words_of(text)
    if tuple(words) == own:
        return evidence_NF
    found = np.zeros((len(words), FEATURES), np.float32)
    for row, word in zip(found, words, strict=True):
        touched = touched_words(word, own)
        if touched:
            row[:] = evidence_NF[touched.start : touched.stop].mean(0)
    return found


def _log(probabilities: Floats) -> Floats:
    return np.log(np.maximum(probabilities, _FLOOR)) / _NATS


def _sharers(best_N: Floats, place_N: Floats) -> Floats:
    """How many more words have the same word of the other text as their likeliest, up to 3, in thirds."""
    aligned = best_N > _ALIGNED
    counts = np.bincount(place_N[aligned], minlength=int(place_N.max(initial=0)) + 1)
    return np.where(aligned, np.clip(counts[place_N] - 1, 0, 3) / 3, 0.0)
