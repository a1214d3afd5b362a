"""The off-target rate: outputs that are not in the language that was asked for."""

from collections.abc import Sequence
from typing import Protocol


class OffTargetDetector(Protocol):
    """What the off-target rate needs of a language identifier (`LanguageIdentifier` has it)."""

    def off_target(self, text: str, target: str, source: str | None = None) -> bool:
        """Whether `text` is surely not in language `target`; short text gets the benefit of the doubt."""
        ...


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
