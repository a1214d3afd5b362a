"""chrF equals sacrebleu's; the off-target rate counts what the identifier says."""

import pytest
from sacrebleu.metrics.chrf import CHRF

from parley.metrics.scores import corpus_chrf, off_target_rate


class NeverThai:
    """Calls everything without a Thai letter off target in Thai, and copies of English names fine in French."""

    def off_target(self, text: str, target: str, source: str | None = None) -> bool:
        return target == "th" and not any("ก" <= letter <= "๛" for letter in text) and source != "fr"


def test_chrf_is_sacrebleus() -> None:
    hypotheses, references = ["are you ready", "go!", ""], ["are you ready?", "go go", "wait"]
    assert corpus_chrf(hypotheses, references) == CHRF().corpus_score(hypotheses, [references]).score


@pytest.mark.parametrize(("hypotheses", "references"), [([], []), (["a"], ["a", "b"])])
def test_chrf_needs_aligned_text(hypotheses: list[str], references: list[str]) -> None:
    with pytest.raises(ValueError, match="aligned"):
        corpus_chrf(hypotheses, references)


def test_off_target_rate() -> None:
    assert off_target_rate(["พร้อม", "ready", " ", ""], "th", NeverThai()) == 0.25
    assert off_target_rate(["ready"], "th", NeverThai(), source="fr") == 0.0
    assert off_target_rate([], "th", NeverThai()) == 0.0
