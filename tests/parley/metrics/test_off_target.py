"""The off-target rate counts what the identifier says."""

from parley.metrics.off_target import off_target_rate


class NeverThai:
    """Calls everything without a Thai letter off target in Thai, and copies of English names fine in French."""

    def off_target(self, text: str, target: str, source: str | None = None) -> bool:
        return target == "th" and not any("ก" <= letter <= "๛" for letter in text) and source != "fr"


def test_off_target_rate() -> None:
    assert off_target_rate(["พร้อม", "ready", " ", ""], "th", NeverThai()) == 0.25
    assert off_target_rate(["ready"], "th", NeverThai(), source="fr") == 0.0
    assert off_target_rate([], "th", NeverThai()) == 0.0
