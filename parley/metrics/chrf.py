"""chrF2 and chrF++ (Popović 2015) from per-message counts: one pass over the text serves every bootstrap sample.

The counts equal sacrebleu's; point scores go through sacrebleu's own formula and so equal it to the last digit.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.chrf import CHRF

from parley.metrics.ngrams import Ints, character_statistics, word_statistics

Floats = NDArray[np.float64]
CHAR_ORDER: Final = 6
WORD_ORDER: Final = 2
_EPSILON: Final = 1e-16


@cache
def chrf_metric(word_order: int) -> CHRF:
    """sacrebleu's chrF2 (word_order 0) or chrF++ (2)."""
    metric = CHRF(word_order=word_order)
    metric.num_refs = 1
    return metric


def chrf_statistics(hypotheses: Sequence[str], references: Sequence[str]) -> Ints:
    """Counts [N, 24] of [N] hypotheses against [N] references, as sacrebleu orders them for chrF++."""
    words = chrf_metric(WORD_ORDER)._remove_punctuation
    squeezed = [["".join(text.split()) for text in side] for side in (hypotheses, references)]
    counts = np.concatenate(
        [
            character_statistics(squeezed[0], squeezed[1], CHAR_ORDER),
            word_statistics([words(text) for text in hypotheses], [words(text) for text in references], WORD_ORDER),
        ],
        axis=1,
    )
    counts[:, :, 0] *= counts[:, :, 1] > 0  # sacrebleu counts no hypothesis n-grams where the reference has none
    return counts.reshape(len(hypotheses), 3 * (CHAR_ORDER + WORD_ORDER))


def chrf_score(sums: Ints, word_order: int = 0) -> float:
    """chrF2 (word_order 0) or chrF++ (2) from summed counts [24], by sacrebleu's own formula."""
    used = [int(count) for count in sums[: 3 * (CHAR_ORDER + word_order)]]
    return float(chrf_metric(word_order)._compute_score_from_stats(used).score)


def chrf_scores(sums: Floats, word_order: int = 0) -> Floats:
    """chrF of many samples at once: [B, 24] -> [B]; nan where a sample holds no message."""
    order = CHAR_ORDER + word_order
    hypothesis, reference, match = sums[:, : 3 * order].reshape(len(sums), order, 3).transpose(2, 0, 1)
    both = (hypothesis > 0) & (reference > 0)
    orders = np.maximum(both.sum(1), 1)
    precision = np.where(both, match / np.maximum(hypothesis, 1), 0.0).sum(1) / orders
    recall = np.where(both, match / np.maximum(reference, 1), 0.0).sum(1) / orders
    scores = 100 * 5 * precision * recall / np.maximum(4 * precision + recall, _EPSILON)
    return np.where(reference[:, 0] > 0, scores, np.nan)
