"""Kinds of messages: what counts as slang, mixed language, emoji, a name, a number, a URL, a rare word."""

import pytest

from eval.scoring.buckets import bucket_rows, frequent_words, slang, source_kinds, words
from parley.languages.table import CODES


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("Follow me to the gate", "en", set()),
        ("idk where u are lol", "en", {"slang"}),
        ("noooooo way", "en", {"slang"}),
        ("Good game 😀", "en", {"emoji"}),
        ("see you :)", "en", {"emoji"}),
        ("ratio 3:1, level 12", "en", {"numbers"}),
        ("read https://example.com/a now", "en", {"urls"}),
        ("ask @mira_77 please", "en", {"urls", "numbers"}),
        ("attends, where are you going", "fr", {"mixed_language"}),
        ("Suis-moi jusqu'à la porte", "fr", set()),
        ("viens là привет", "fr", {"mixed_language"}),
        ("ไปตีมังกรด้วยกัน 555", "th", {"slang", "numbers"}),
        ("ไป farm กัน", "th", {"mixed_language"}),
        ("เปิด GPU ก่อน", "th", set()),  # an abbreviation is no other language
        ("ㅋㅋㅋㅋ 잘했어", "ko", {"slang"}),
        ("我们走吧哈哈", "zh-Hans", {"slang"}),
        ("Ты готов?", "ru", set()),
    ],
)
def test_kinds_of_a_message(text: str, code: str, expected: set[str]) -> None:
    assert source_kinds(text, code) == expected


def test_every_language_has_its_slang() -> None:
    assert all(len(slang(code)) > len(slang("en") & slang("ru")) > 5 for code in CODES)


def test_every_message_is_in_each_kind_once() -> None:
    sources = ["Mira waits", "gg", "the old gate of the castle is open", "take 12"]
    references = ["Mira attend", "bien joué", "la vieille porte du château est ouverte", "prends-en 12"]
    rows = bucket_rows("en-fr", sources, references, ["a", "a", "b", ""], {"en": frequent_words(sources * 3, "en")})
    for kind in {kind for kind, _ in rows} - {"domain"}:
        assert sorted(line for (k, _), lines in rows.items() if k == kind for line in lines) == [0, 1, 2, 3]
    assert rows["names", "with"] == [0]
    assert rows["numbers", "with"] == [3]
    assert rows["domain", "a"] == [0, 1]
    assert rows["length", "1-5"] == [1]
    assert ("rare_words", "with") not in rows


def test_small_domains_count_as_one() -> None:
    domains = [f"d{i}" for i in range(9) for _ in range(9 - i)]
    rows = bucket_rows("en-fr", ["x"] * len(domains), ["y"] * len(domains), domains, {})
    assert [name for kind, name in rows if kind == "domain"] == [*(f"d{i}" for i in range(8)), "others"]
    assert not any(kind == "rare_words" for kind, _ in rows)  # nothing to count in


def test_rare_words_are_told_by_training_text() -> None:
    known = frequent_words(["open the gate", "the gate", "a gate the", None, "dragon"], "en")
    assert known == {"the", "gate"}
    rows = bucket_rows("en-fr", ["the gate", "the dragon"], ["x", "y"], ["", ""], {"en": known})
    assert (rows["rare_words", "with"], rows["rare_words", "without"]) == ([1], [0])


def test_words_of_languages_without_spaces_are_letters() -> None:
    assert words("打龙!", "zh-Hans") == {"打", "龙"}
    assert words("Don't stop", "en") == {"don't", "stop"}
