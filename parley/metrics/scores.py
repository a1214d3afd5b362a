"""The few metrics training itself needs: corpus chrF and the off-target rate. `eval` builds on them."""

from collections.abc import Sequence
from typing import Protocol

from sacrebleu.metrics.chrf import CHRF


class OffTargetDetector(Protocol):
    """What the off-target rate needs of a language identifier (`LanguageIdentifier` has it)."""

    def off_target(self, text: str, target: str, source: str | None = None) -> bool:
        """Whether `text` is surely not in language `target`; short text gets the benefit of the doubt."""
        ...


def corpus_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """chrF2 (Popović 2015, beta 2, character order 6) of a corpus, 0 to 100, as `sacrebleu` computes it.

    Args:
        hypotheses: [N] outputs.
        references: [N] references, aligned with the hypotheses.

    Raises:
        ValueError: nothing to score, or lists of different length.
    """
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(f"chrF needs aligned, non-empty lists: {len(hypotheses)} and {len(references)} given")
    return float(CHRF().corpus_score(list(hypotheses), [list(references)]).score)


def off_target_rate(
    hypotheses: Sequence[str], target: str, identifier: OffTargetDetector, source: str | None = None
) -> float:
    """Share (0 to 1) of the hypotheses that are not in the target language.

    Args:
        hypotheses: [N] outputs; empty ones count as on target (they have a rate of their own).
        target: code of the language asked for.
        identifier: says whether one text is off target.
        source: code of the language translated from, when known.
    """
    if not hypotheses:
        return 0.0
    wrong = sum(identifier.off_target(text, target, source) for text in hypotheses if text.strip())
    return wrong / len(hypotheses)
