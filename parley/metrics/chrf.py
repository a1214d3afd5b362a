"""chrF2 and chrF++ (Popović 2015) from per-message counts: one pass over the text serves every bootstrap sample.

The counts equal sacrebleu's; point scores go through sacrebleu's own formula and so equal it to the last digit.
"""

from collections.abc import Sequence
from functools import cache
from typing import ClassVar, Final

import numpy as np
from sacrebleu.metrics.chrf import CHRF

from parley.languages.table import LANGUAGES
from parley.metrics.metric import Metric, Translations
from parley.metrics.ngrams import Floats, Ints, character_statistics, word_statistics
from parley.metrics.registry import metric

CHAR_ORDER: Final = 6
WORD_ORDER: Final = 2
_EPSILON: Final = 1e-16


@metric
class Chrf(Metric):
    """chrF2: characters alone."""

    name = "chrf"
    label = "chrF"
    stored = "chrf"
    width = 3 * CHAR_ORDER
    word_order: ClassVar[int] = 0

    def statistics(self, texts: Translations) -> Ints:
        """Counts [N, 24] of each message, as sacrebleu orders them for chrF++."""
        return chrf_statistics(texts.hypotheses, texts.references)

    def scores(self, sums: Floats) -> Floats:
        """chrF of many samples at once: [B, 24] -> [B]; nan where a sample holds no message."""
        order = CHAR_ORDER + self.word_order
        hypothesis, reference, match = sums[:, : 3 * order].reshape(len(sums), order, 3).transpose(2, 0, 1)
        both = (hypothesis > 0) & (reference > 0)
        orders = np.maximum(both.sum(1), 1)
        precision = np.where(both, match / np.maximum(hypothesis, 1), 0.0).sum(1) / orders
        recall = np.where(both, match / np.maximum(reference, 1), 0.0).sum(1) / orders
        found = 100 * 5 * precision * recall / np.maximum(4 * precision + recall, _EPSILON)
        return np.where(reference[:, 0] > 0, found, np.nan)

    def score(self, sums: Ints, target: str) -> float:
        """chrF from summed counts [24], by sacrebleu's own formula."""
        used = [int(count) for count in sums[: self.width]]
        return float(sacrebleu_chrf(self.word_order)._compute_score_from_stats(used).score)

    def signatures(self, targets: Sequence[str]) -> dict[str, str]:
        """sacrebleu's."""
        return {self.name: str(sacrebleu_chrf(self.word_order).get_signature())}


@metric
class ChrfPlusPlus(Chrf):
    """chrF++: characters and words."""

    name = "chrfpp"
    label = "chrF++"
    width = 3 * (CHAR_ORDER + WORD_ORDER)
    word_order = WORD_ORDER

    def notes(self, targets: Sequence[str]) -> list[str]:
        """Which languages hardly have the words that it counts."""
        unspaced = [target for target in targets if not LANGUAGES[target].spaced]
        told = f"chrF++ takes words between spaces, which {', '.join(unspaced)} hardly has: read chrF there."
        return [told] if unspaced else []


@cache
def sacrebleu_chrf(word_order: int) -> CHRF:
    """sacrebleu's chrF2 (word_order 0) or chrF++ (2)."""
    made = CHRF(word_order=word_order)
    made.num_refs = 1
    return made


def chrf_statistics(hypotheses: Sequence[str], references: Sequence[str]) -> Ints:
    """Counts [N, 24] of [N] hypotheses against [N] references, as sacrebleu orders them for chrF++."""
    words = sacrebleu_chrf(WORD_ORDER)._remove_punctuation
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


def sentence_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> Floats:
    """chrF2 of each of [N] messages by itself; nan where the reference is empty."""
    return Chrf().scores(chrf_statistics(hypotheses, references).astype(np.float64))
