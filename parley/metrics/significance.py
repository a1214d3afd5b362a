"""Bootstrap confidence intervals over messages (Koehn 2004), all samples and all counts in one matrix product.

One draw of message weights serves every direction and system. Directions that share messages are so resampled together,
which keeps the interval of a mean over directions, and of a difference between two systems, honest. With seed 12345 the
draws are those of sacrebleu's paired bootstrap.
Legend: B samples, R messages of the test set, N messages of one direction, S counts per message, M tests.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from parley.metrics.ngrams import Floats, Ints

ScoreFunction = Callable[[Floats], Floats]
Correction = Literal["holm", "benjamini_hochberg", "none"]
CONFIDENCE: Final = 0.95
SAMPLES: Final = 1000  # of the bootstrap behind an interval
Weights = NDArray[np.uint8]
_BLOCK: Final = 1 << 20  # weights drawn, and turned to float, at a time: 8 MiB each
_KEPT: Final = 1 << 28  # weights of a byte each that lie in memory at most
_EXACT: Final = 1 << 24  # whole numbers below this are exact in float32


class Bootstrap:
    """Resampled message weights: how often each of R messages is drawn in each of B samples.

    They are drawn when they are first asked for. Many of them are not kept but drawn anew, block by block, each time.
    """

    def __init__(self, messages: int, samples: int = SAMPLES, seed: int = 1) -> None:
        """Keep what the draws, with replacement, depend on.

        Raises:
            ValueError: no message or no sample.
        """
        if messages < 1 or samples < 1:
            raise ValueError(f"bootstrap needs messages and samples, got {messages} and {samples}")
        self.messages, self.samples, self.seed = messages, samples, seed

    def sums(self, counts: Ints, rows: Sequence[int] | Ints) -> Floats:
        """Counts summed over each sample.

        Args:
            counts: [N, S] per message.
            rows: [N] which of the R messages each line of counts belongs to.

        Returns:
            [B, S].
        """
        index = np.asarray(rows)
        everything = len(index) == self.messages and bool((index == np.arange(len(index))).all())
        # No sample can weigh a message more than the number of draws: below the bound float32 sums are exact.
        small = int(np.abs(counts).max(initial=0)) * self.messages < _EXACT
        kind: type[np.floating] = np.float32 if small else np.float64
        values = counts.astype(kind)
        blocks = self._drawn() if self._kept is None else self._kept
        sums = [(weights if everything else weights[:, index]).astype(kind) @ values for weights in blocks]
        return np.concatenate(sums).astype(np.float64)

    @cached_property
    def _kept(self) -> list[Weights] | None:
        """All weights; None where they are too many to keep."""
        return list(self._drawn()) if self.samples * self.messages <= _KEPT else None

    def _drawn(self) -> Iterator[Weights]:
        """Weights [some of the samples, R]; the same ones each time."""
        generator = np.random.default_rng(self.seed)
        step = max(1, _BLOCK // self.messages)
        for start in range(0, self.samples, step):
            yield _draw(generator, min(step, self.samples - start), self.messages)


def _draw(generator: np.random.Generator, samples: int, messages: int) -> Weights:
    """[samples, messages] how often each message is drawn; the same stream as one draw after the other."""
    drawn = generator.integers(0, messages, (samples, messages))
    drawn += np.arange(samples)[:, None] * messages
    counts = np.bincount(drawn.ravel(), minlength=samples * messages).reshape(samples, messages)
    return counts.astype(np.uint8)  # counts follow Poisson(1): 255 is out of reach


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


def unpaired_difference(
    a: Ints, b: Ints, score: ScoreFunction, samples: int = 1000, seed: int = 1, confidence: float = CONFIDENCE
) -> Difference:
    """Bootstrap of two systems on different messages: each side is resampled by itself.

    Args:
        a: [N, S] counts per message of the first system.
        b: [N', S] of the second.
        score: summed counts [B, S] -> scores [B].
    """
    draws = [Bootstrap(len(side), samples, seed + place) for place, side in enumerate((a, b))]
    scores = [score(draw.sums(side, range(len(side)))) for draw, side in zip(draws, (a, b), strict=True)]
    deltas = scores[0] - scores[1]
    point = score(a.sum(0, keepdims=True).astype(float)) - score(b.sum(0, keepdims=True).astype(float))
    return Difference(float(point[0]), interval(deltas, confidence), p_value(deltas))


def mean_difference(a: Sequence[Floats], b: Sequence[Floats], confidence: float = CONFIDENCE) -> Difference:
    """Difference of the means over directions, from bootstrap scores [B] per direction of both systems.

    The delta is the mean over samples; put the difference of the point scores in its place where both are known.
    """
    deltas = np.nanmean(a, axis=0) - np.nanmean(b, axis=0)
    return Difference(float(np.nanmean(deltas)), interval(deltas, confidence), p_value(deltas))


def p_value(deltas: Floats) -> float:
    """Twice the smaller share of samples on one side of zero, never below what B samples can show."""
    kept = deltas[~np.isnan(deltas)]
    if not len(kept):
        return 1.0
    smaller = min((kept <= 0).sum(), (kept >= 0).sum())
    return float(min(1.0, 2 * (smaller + 1) / (len(kept) + 1)))


def adjusted(p_values: Sequence[float], correction: Correction = "holm") -> Floats:
    """p-values [M] corrected for testing M hypotheses at once; compare them with the level as they are.

    `holm` (Holm 1979) bounds the chance of a single false alarm among all tests, whatever their dependence.
    `benjamini_hochberg` (1995) bounds the expected share of false alarms among the alarms.

    Raises:
        ValueError: an unknown correction, or a p-value outside 0 to 1.
    """
    values = np.asarray(p_values, np.float64)
    if correction not in get_args(Correction):
        raise ValueError(f"correction is '{correction}'; choose {', '.join(get_args(Correction))}")
    if ((values < 0) | (values > 1) | np.isnan(values)).any():
        raise ValueError("p-values lie between 0 and 1")
    count, order = len(values), np.argsort(values, kind="stable")
    if correction == "none" or not count:
        return values
    ranked = values[order]
    if correction == "holm":
        raised = np.maximum.accumulate(ranked * (count - np.arange(count)))
    else:
        raised = np.minimum.accumulate((ranked * count / np.arange(1, count + 1))[::-1])[::-1]
    result = np.empty(count)
    result[order] = np.minimum(raised, 1.0)
    return result
