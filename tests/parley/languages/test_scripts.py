"""Character classes: every language's letters are its own, and only one-sided characters decide between the Chinese."""

import unicodedata

import pytest

from parley.languages.scripts import CharacterClass, class_counts, class_table, letter_count, own_letter_count

LETTERS = {
    "en": "Jaguar",
    "es": "ñandú",
    "fr": "cœur",
    "de": "Straße",
    "pl": "łódź",
    "ru": "ёжик",
    "tr": "ışık",
    "vi": "đường",
    "th": "ที่นี่",
    "ja": "ラーメンを食べる人々",
    "ko": "안녕ㅋㅋ",
    "zh-Hans": "你们好",
    "zh-Hant": "你們好",
}


@pytest.mark.parametrize("code", LETTERS)
def test_letters_are_of_the_own_script(code: str) -> None:
    counts = class_counts(LETTERS[code])
    assert own_letter_count(counts, code) == letter_count(counts) == len(LETTERS[code])


@pytest.mark.parametrize(
    ("characters", "kind"),
    [
        ("这国们东", CharacterClass.SIMPLIFIED),
        ("這國們東", CharacterClass.TRADITIONAL),
        ("后里台人大", CharacterClass.HAN),
        ("09๕４", CharacterClass.DIGIT),
        (" \t\u00a0\u3000", CharacterClass.SPACE),
        ("!。、¿", CharacterClass.PUNCTUATION),
        ("🙂+฿", CharacterClass.SYMBOL),
        ("\ufffd\x00\ue000\ud800", CharacterClass.BROKEN),
        ("\u0301", CharacterClass.MARK),
        ("αאა", CharacterClass.LETTER),
    ],
)
def test_classes(characters: str, kind: CharacterClass) -> None:
    assert [CharacterClass(class_table()[ord(character)]) for character in characters] == [kind] * len(characters)


def test_letters_are_what_unicode_calls_letters() -> None:
    points = [point for point in range(0x32000) if class_table()[point] >= CharacterClass.LATIN]
    outside = {chr(point) for point in points if unicodedata.category(chr(point))[0] != "L"}
    assert all("THAI" in unicodedata.name(character) for character in outside - {"〇"} - COMBINING)


COMBINING = {chr(point) for point in (*range(0x0483, 0x048A), 0x3099, 0x309A)}  # marks inside Cyrillic and kana
