"""py3langid's probabilities for many texts at once: the same automaton and weights, some ten times as fast.

The automaton reads UTF-8 bytes and names a feature at some of its states; a text's score of a language is the sum of
log(1 + count) times the feature's weight, over its features. Here all texts of a batch step through it together.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from parley.languages.identification import classifier
from parley.languages.table import LANGUAGES

_BATCH: Final = 4096  # texts; their visits to features fit the cache


class BatchIdentifier:
    """Probabilities of a fixed set of languages."""

    def __init__(self, codes: tuple[str, ...]) -> None:
        """Take the languages; `codes` are then those that py3langid knows."""
        model = classifier(codes)
        classes = list(model.nb_classes)
        self.codes = tuple(code for code in codes if LANGUAGES[code].primary in classes)
        self._next = np.frombuffer(model.tk_nextmove, np.uint32 if model.tk_nextmove.itemsize == 4 else np.uint16)
        self._row = np.frombuffer(model.tk_row, f"u{model.tk_row.itemsize}").astype(np.int64) << 8
        self._feature = np.asarray(model.tk_output, np.int64)
        self._weights, self._prior = np.asarray(model.nb_ptc, np.float32), np.asarray(model.nb_pc, np.float32)
        self._places = [classes.index(LANGUAGES[code].primary) for code in self.codes]

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """The probability of each language for each text, float32[N, L]."""
        parts = [self._batch(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        return np.concatenate([np.zeros((0, len(self.codes)), np.float32), *parts])

    def _batch(self, texts: Sequence[str]) -> np.ndarray:
        encoded = [(text.lower() if text.isupper() else text).encode() for text in texts]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        text, feature = self._visits(encoded, lengths)
        scores = np.zeros((len(texts), len(self._prior)), np.float32)
        visits, counts = np.unique(text * len(self._weights) + feature, return_counts=True)
        owner, kind = np.divmod(visits, len(self._weights))
        found, starts = np.unique(owner, return_index=True)
        if len(found):
            weighted = np.log1p(counts.astype(np.float32))[:, None] * self._weights[kind]
            scores[found] = np.add.reduceat(weighted, starts) + self._prior
        scores /= np.sqrt(np.maximum(lengths, 1))[:, None]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities: np.ndarray = (scores / scores.sum(axis=1, keepdims=True))[:, self._places]
        return probabilities

    def _visits(self, encoded: Sequence[bytes], lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each feature that each text comes by: numbers of texts and of features."""
        order = np.argsort(-lengths, kind="stable")
        data = np.frombuffer(b"".join(encoded), np.uint8)
        starts = (np.cumsum(lengths) - lengths)[order]
        running = np.searchsorted(-lengths[order], -np.arange(lengths.max(initial=0)), side="left")
        state = np.zeros(len(encoded), np.int64)
        texts, features = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for place, count in enumerate(running.tolist()):
            state[:count] = self._next[self._row[state[:count]] + data[starts[:count] + place]]
            feature = self._feature[state[:count]]
            hit = np.flatnonzero(feature >= 0)
            texts.append(order[hit])
            features.append(feature[hit])
        return np.concatenate(texts), np.concatenate(features)


@lru_cache(maxsize=4)
def batch_identifier(codes: tuple[str, ...]) -> BatchIdentifier:
    """The identifier of a set of languages, made once."""
    return BatchIdentifier(codes)
