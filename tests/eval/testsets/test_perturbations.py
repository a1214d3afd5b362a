"""Conditions under which messages are translated: what a system is told, and what it gets."""

import pytest

from eval.testsets.perturbations import AUTO_SOURCE, NOISY, PLAIN, WRONG_SOURCE, another_language, roughly_typed


@pytest.mark.parametrize(
    ("condition", "told", "written"),
    [
        (PLAIN, "en", "Wait, WHAT?"),
        (AUTO_SOURCE, "auto", "Wait, WHAT?"),
        (WRONG_SOURCE, "th", "Wait, WHAT?"),
        (NOISY, "en", "wait hwat"),
    ],
)
def test_what_a_system_is_given(condition, told: str, written: str) -> None:  # type: ignore[no-untyped-def]
    assert condition.told("en-fr", ["en", "fr", "th"]) == told
    assert condition.written("Wait, WHAT?", "r1") == written


def test_the_wrong_language_is_neither_side() -> None:
    codes = ["en", "fr", "th", "ja"]
    wrong = {another_language(f"{a}-{b}", codes) for a in codes for b in codes if a != b}
    assert wrong == set(codes)
    assert another_language("en-fr", codes) == another_language("en-fr", codes) in ("th", "ja")
    with pytest.raises(ValueError, match="no third language"):
        another_language("en-fr", ["en", "fr"])


@pytest.mark.parametrize("text", ["", "?!", "gg", "ไปตีมังกรด้วยกัน", "Готов идти на дракона?", "😀 let's GO go-go"])
def test_rough_typing_keeps_a_message(text: str) -> None:
    rough = roughly_typed(text, "r1")
    assert rough == roughly_typed(text, "r1")
    assert bool(rough.strip()) == bool(text.strip())
    assert rough == rough.lower()
    assert sorted(c for c in rough if c.isalnum()) == sorted(c for c in text.lower() if c.isalnum())
