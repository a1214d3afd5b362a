"""Conditions under which messages are translated: what a system is told, and what it gets."""

from collections import Counter

import pytest

from eval.testsets.outputs import translate_directions
from eval.testsets.perturbations import (
    AUTO_SOURCE,
    COPIED,
    MIXED,
    NOISY,
    PLAIN,
    WRONG_SOURCE,
    another_language,
    roughly_typed,
)
from eval.testsets.testset import TestSet
from parley.corpus.augmentation.registry import Message


@pytest.mark.parametrize(
    ("condition", "told", "written"),
    [
        (PLAIN, "en", "Wait, WHAT?"),
        (AUTO_SOURCE, "auto", "Wait, WHAT?"),
        (WRONG_SOURCE, "th", "Wait, WHAT?"),
        (NOISY, "en", "wait whhat"),
    ],
)
def test_what_a_system_is_given(condition, told: str, written: str) -> None:  # type: ignore[no-untyped-def]
    assert condition.told("en-fr", ["en", "fr", "th"]) == told
    assert condition.written(Message("Wait, WHAT?", "Quoi ?", "en", "fr"), "r1") == Message(
        written, "Quoi ?", "en", "fr"
    )


def test_the_wrong_language_is_neither_side() -> None:
    codes = ["en", "fr", "th", "ja"]
    wrong = {another_language(f"{a}-{b}", codes) for a in codes for b in codes if a != b}
    assert wrong == set(codes)
    assert another_language("en-fr", codes) == another_language("en-fr", codes) in ("th", "ja")
    with pytest.raises(ValueError, match="no third language"):
        another_language("en-fr", ["en", "fr"])


def rough_text(text: str, code: str) -> str:
    return roughly_typed(Message(text, "x", code, "fr"), "r1").source


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
    rough = rough_text(text, "ru")
    assert rough == rough_text(text, "ru")
    assert bool(rough.strip()) == bool(text.strip())
    assert rough == rough.lower()
    before, after = (Counter(filter(str.isalnum, one)) for one in (text.lower(), rough))
    assert (after - before).total() <= wrong
    assert (before - after).total() <= wrong


def test_rough_typing_follows_the_language() -> None:
    assert rough_text("IĞ!", "tr") == "ığ"
    assert rough_text("IG!", "en") == "ig"


class Repeats:
    def translate_many(self, texts, sources, targets):  # type: ignore[no-untyped-def]
        return [f"{source} {text}" for text, source in zip(texts, sources, strict=True)]


def test_mixed_and_copied_messages_of_a_test_set() -> None:
    texts: dict[str, list[str | None]] = {
        "en": ["Go now! Follow me.", "Hi", "Stop! Wait."],
        "fr": ["Allez-y ! Suivez-moi.", "Salut", "Stop ! Attendez."],
        "th": ["ไปเลย! ตามมา.", "หวัดดี", None],
    }
    rows = TestSet("toy", ["r1", "r2", "r3"], [""] * 3, texts)
    mixed = translate_directions(Repeats(), "s", rows, {"en-fr": [0, 1, 2]}, MIXED).table.to_pylist()
    assert [row["row_id"] for row in mixed] == ["r1", "r3"]
    assert mixed[0]["source"] in ("Go now! ตามมา.", "ไปเลย! Follow me.")
    assert mixed[0]["reference"] == texts["fr"][0]
    assert mixed[0]["hypothesis"] == f"en {mixed[0]['source']}"
    assert mixed[1]["source"] in ("Stop! Attendez.", "Stop ! Wait."), "there is no third language"
    copied = translate_directions(Repeats(), "s", rows, {"en-fr": [0, 1]}, COPIED).table.to_pylist()
    for row, text, wanted in zip(copied, texts["en"], texts["fr"], strict=False):
        piece = row["source"].replace(str(text), "").strip()
        assert piece
        assert row["reference"].replace(str(wanted), "").strip() == piece
