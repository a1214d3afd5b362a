"""Terms in a translation: as exact as it says, and no word stands for two of them."""

import pytest

from eval.scoring.term_tiers import Wanted, tiers_of

SWORD = Wanted("mieczem", ("miecz", "miecza"))


@pytest.mark.parametrize(
    ("translation", "tier"),
    [
        ("Walczę Mieczem!", "annotated"),
        ("To mój miecz.", "glossary"),
        ("Nie mam miecza", "inflected"),
        ("Dwa miecze", "lemma"),
        ("Nie mam nic", None),
        ("zamieczony", None),
    ],
)
def test_each_tier(translation: str, tier: str | None) -> None:
    assert tiers_of(translation, [SWORD], "pl") == [tier]


def test_one_word_stands_for_one_term() -> None:
    assert tiers_of("miecz", [SWORD, SWORD], "pl") == ["glossary", None]
    assert tiers_of("miecz i mieczem", [SWORD, SWORD], "pl") == ["annotated", "glossary"]
    boss, raid = Wanted("boss", ("boss",)), Wanted("raid boss", ("raid boss",))
    assert tiers_of("a raid boss and a boss", [raid, boss], "en") == ["annotated", "annotated"]


def test_scripts_without_spaces() -> None:
    assert tiers_of("このボスは", [Wanted("ボス", ("ボス",))], "ja") == ["annotated"]
    assert tiers_of("보스가", [Wanted("보스", ("보스",))], "ko") == ["annotated"]
