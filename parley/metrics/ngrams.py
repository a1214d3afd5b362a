"""Exact n-gram match counts of many hypothesis/reference pairs at once.

All positions of all texts are sorted once by (message, symbol, next symbol, ...). Equal n-grams then lie side by side
for every n up to the order, so that each order costs a few linear passes instead of a `Counter` per text.
Legend: L positions of all texts, N messages, K n-gram order.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_BITS = 21  # enough for every code point + 1; three symbols fit one int64 sort key
_CHUNK = 4096  # messages per sort: bounds memory, and message numbers stay far below 2**21


def character_symbols(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """Code points + 1 of all texts, concatenated [L], and the length of each text [N]."""
    lengths = np.fromiter((len(text) for text in texts), np.int64, len(texts))
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    return points.astype(np.int64) + 1, lengths


def word_symbols(texts: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> tuple[Ints, Ints]:
    """Numbers (from 1) of the words of all texts [L], and words per text [N]; new words join the vocabulary."""
    lengths = np.fromiter((len(words) for words in texts), np.int64, len(texts))
    numbers = (vocabulary.setdefault(word, len(vocabulary) + 1) for words in texts for word in words)
    return np.fromiter(numbers, np.int64, int(lengths.sum())), lengths


def character_statistics(hypotheses: Sequence[str], references: Sequence[str], order: int) -> Ints:
    """n-gram counts over characters.

    Returns:
        [N, order, 3]: n-grams in the hypothesis, in the reference, in both (clipped), for n = 1..order.
    """
    chunks = [
        _statistics(character_symbols(hypotheses[i : i + _CHUNK]), character_symbols(references[i : i + _CHUNK]), order)
        for i in range(0, len(hypotheses), _CHUNK)
    ]
    return np.concatenate(chunks) if chunks else np.zeros((0, order, 3), np.int64)


def word_statistics(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]], order: int) -> Ints:
    """n-gram counts over words; returns [N, order, 3] as `character_statistics` does."""
    chunks = []
    for i in range(0, len(hypotheses), _CHUNK):
        vocabulary: dict[str, int] = {}
        hypothesis = word_symbols(hypotheses[i : i + _CHUNK], vocabulary)
        chunks.append(_statistics(hypothesis, word_symbols(references[i : i + _CHUNK], vocabulary), order))
    return np.concatenate(chunks) if chunks else np.zeros((0, order, 3), np.int64)


def _statistics(hypothesis: tuple[Ints, Ints], reference: tuple[Ints, Ints], order: int) -> Ints:
    """[N, order, 3] from symbols and lengths of both sides."""
    lengths = np.concatenate([hypothesis[1], reference[1]])
    count = len(hypothesis[1])
    text_L = np.repeat(np.arange(2 * count), lengths)
    message_L = text_L % count
    symbols_KL = _windows(np.concatenate([hypothesis[0], reference[0]]), np.cumsum(lengths)[text_L], order)
    by_position = np.lexsort(_sort_keys([message_L, *symbols_KL])[::-1])
    matches_KN = _matches(message_L[by_position], symbols_KL[:, by_position], (text_L < count)[by_position], count)

    grams = np.maximum(lengths[:, None] - np.arange(order), 0)  # n-grams per text [2N, order]
    return np.stack([grams[:count], grams[count:], matches_KN.T], axis=2)


def _windows(symbols_L: Ints, ends_L: Ints, order: int) -> Ints:
    """[order, L]: the k-th symbol from each position on, 0 past the end of its text."""
    positions = np.arange(len(symbols_L))
    padded = np.concatenate([symbols_L, np.zeros(order, np.int64)])
    return np.stack([np.where(positions + k < ends_L, padded[positions + k], 0) for k in range(order)])


def _sort_keys(columns: list[Ints]) -> list[Ints]:
    """Pack columns in threes, most significant first: fewer keys to sort by."""
    keys = []
    for i in range(0, len(columns), 3):
        key = columns[i]
        for column in columns[i + 1 : i + 3]:
            key = (key << _BITS) | column
        keys.append(key)
    return keys


def _matches(message_L: Ints, symbols_KL: Ints, hypothesis_L: NDArray[np.bool_], count: int) -> Ints:
    """Clipped matches [order, N]; positions arrive sorted, so an n-gram's occurrences are one run."""
    matches = np.zeros((len(symbols_KL), count), np.int64)
    if not len(message_L):
        return matches
    starts_L = np.ones(len(message_L), bool)
    starts_L[1:] = message_L[1:] != message_L[:-1]
    for k, symbols_L in enumerate(symbols_KL):
        starts_L[1:] |= symbols_L[1:] != symbols_L[:-1]
        run_L = np.cumsum(starts_L) - 1
        valid_L = symbols_L != 0
        runs = int(run_L[-1]) + 1
        in_hypothesis = np.bincount(run_L[valid_L & hypothesis_L], minlength=runs)
        in_reference = np.bincount(run_L[valid_L & ~hypothesis_L], minlength=runs)
        common = np.minimum(in_hypothesis, in_reference)
        matches[k] = np.bincount(message_L[starts_L], weights=common, minlength=count)
    return matches
