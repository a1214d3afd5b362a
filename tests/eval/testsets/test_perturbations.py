"""Conditions under which messages are translated: what a system is told, and what it gets."""

from collections import Counter

import pytest

from eval.testsets.perturbations import AUTO_SOURCE, NOISY, PLAIN, WRONG_SOURCE, another_language, roughly_typed


@pytest.mark.parametrize(
    ("condition", "told", "written"),
    [
        (PLAIN, "en", "Wait, WHAT?"),
        (AUTO_SOURCE, "auto", "Wait, WHAT?"),
        (WRONG_SOURCE, "th", "Wait, WHAT?"),
        (NOISY, "en", "wait wat"),
    ],
)
def test_what_a_system_is_given(condition, told: str, written: str) -> None:  # type: ignore[no-untyped-def]
    assert condition.told("en-fr", ["en", "fr", "th"]) == told
    assert condition.written("Wait, WHAT?", "r1", "en-fr") == written


def test_the_wrong_language_is_neither_side() -> None:
    codes = ["en", "fr", "th", "ja"]
    wrong = {another_language(f"{a}-{b}", codes) for a in codes for b in codes if a != b}
    assert wrong == set(codes)
    assert another_language("en-fr", codes) == another_language("en-fr", codes) in ("th", "ja")
    with pytest.raises(ValueError, match="no third language"):
        another_language("en-fr", ["en", "fr"])


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", 0),
        ("?!", 0),
        ("gg", 0),
        ("快走吧", 0),
        ("ไปตีมังกรด้วยกัน", 1),
        ("Готов идти на дракона?", 1),
        ("😀 GO go-go let", 1),
    ],
)
def test_rough_typing_keeps_a_message(text: str, wrong: int) -> None:
    rough = roughly_typed(text, "r1", "ru-fr")
    assert rough == roughly_typed(text, "r1", "ru-fr")
    assert bool(rough.strip()) == bool(text.strip())
    assert rough == rough.lower()
    before, after = (Counter(filter(str.isalnum, one)) for one in (text.lower(), rough))
    assert (after - before).total() <= wrong
    assert (before - after).total() <= wrong


def test_rough_typing_follows_the_language() -> None:
    assert roughly_typed("IĞ!", "r1", "tr-en") == "ığ"
    assert roughly_typed("IG!", "r1", "en-tr") == "ig"
