"""Bootstrap confidence intervals over messages (Koehn 2004), all samples and all counts in one matrix product.

One draw of message weights serves every direction and system. Directions that share messages are so resampled together,
which keeps the interval of a mean over directions, and of a difference between two systems, honest.
Legend: B samples, R messages of the test set, N messages of one direction, S counts per message.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.ngrams import Ints

Floats = NDArray[np.float64]
ScoreFunction = Callable[[Floats], Floats]
CONFIDENCE: Final = 0.95
_BLOCK = 1 << 23  # weights turned to float at a time: 64 MiB


class Bootstrap:
    """Resampled message weights: how often each of R messages is drawn in each of B samples."""

    def __init__(self, messages: int, samples: int = 1000, seed: int = 1) -> None:
        """Draw with replacement.

        Raises:
            ValueError: no message or no sample.
        """
        if messages < 1 or samples < 1:
            raise ValueError(f"bootstrap needs messages and samples, got {messages} and {samples}")
        generator = np.random.default_rng(seed)
        self.samples = samples
        self._weights = np.empty((samples, messages), np.uint8)  # counts follow Poisson(1): 255 is out of reach
        for row in self._weights:
            row[:] = np.bincount(generator.integers(0, messages, messages), minlength=messages)

    def sums(self, counts: Ints, rows: Sequence[int]) -> Floats:
        """Counts summed over each sample.

        Args:
            counts: [N, S] per message.
            rows: [N] which of the R messages each line of counts belongs to.

        Returns:
            [B, S].
        """
        values, index = counts.astype(np.float64), np.asarray(rows)
        step = max(1, _BLOCK // max(1, len(index)))
        blocks = (self._weights[i : i + step, index].astype(np.float64) @ values for i in range(0, self.samples, step))
        return np.concatenate(list(blocks))


@dataclass(frozen=True)
class Difference:
    """Score of `a` minus score of `b`, with its interval and the two-sided p-value of no difference."""

    delta: float
    interval: tuple[float, float]
    p_value: float


def interval(scores: Floats, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Percentile interval of bootstrap scores [B]; empty samples (nan) are left out."""
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(scores, [tail, 1 - tail]) if not np.isnan(scores).all() else (np.nan, np.nan)
    return float(low), float(high)


def paired_difference(
    a: Ints, b: Ints, rows: Sequence[int], bootstrap: Bootstrap, score: ScoreFunction, confidence: float = CONFIDENCE
) -> Difference:
    """Paired bootstrap of two systems on the same messages.

    Args:
        a: [N, S] counts per message of the first system.
        b: [N, S] of the second.
        rows: [N] message of each line.
        score: summed counts [B, S] -> scores [B].
    """
    deltas = score(bootstrap.sums(a, rows)) - score(bootstrap.sums(b, rows))
    point = score(a.sum(0, keepdims=True).astype(float)) - score(b.sum(0, keepdims=True).astype(float))
    return Difference(float(point[0]), interval(deltas, confidence), _p_value(deltas))


def mean_difference(a: Sequence[Floats], b: Sequence[Floats], confidence: float = CONFIDENCE) -> Difference:
    """Difference of the means over directions, from bootstrap scores [B] per direction of both systems.

    The delta is the mean over samples; put the difference of the point scores in its place where both are known.
    """
    deltas = np.nanmean(a, axis=0) - np.nanmean(b, axis=0)
    return Difference(float(np.nanmean(deltas)), interval(deltas, confidence), _p_value(deltas))


def _p_value(deltas: Floats) -> float:
    """Twice the smaller share of samples on one side of zero, never below what B samples can show."""
    kept = deltas[~np.isnan(deltas)]
    if not len(kept):
        return 1.0
    smaller = min((kept <= 0).sum(), (kept >= 0).sum())
    return float(min(1.0, 2 * (smaller + 1) / (len(kept) + 1)))
