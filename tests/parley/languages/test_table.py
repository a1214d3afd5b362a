"""The table of languages: its rows, what else people call a language, and which one a wrong code meant."""

import pytest

from parley.languages.casing import begun, lower, upper
from parley.languages.table import CODES, LANGUAGES, Language, code_of, directions, language, meant_by, pair, share_text
from parley.pipeline.errors import InputError


def test_what_names_a_language_names_one() -> None:
    for names in ([row.name for row in LANGUAGES.values()], [row.flores for row in LANGUAGES.values()]):
        assert len(set(names)) == len(CODES)
    spellings = [name.lower() for row in LANGUAGES.values() for name in (row.code, *row.spellings)]
    assert len(set(spellings)) == len(spellings)
    assert all(set(row.shares_text_with) <= set(CODES) for row in LANGUAGES.values())


def test_a_row_gives_what_follows_from_its_codes() -> None:
    row = LANGUAGES["zh-Hant"]
    assert (row.script, row.primary, row.token) == ("Hant", "zh", "__zh-Hant__")
    assert Language("nl", "Dutch", "nld_Latn", "Germanic", 1.1).bleu == "13a"


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("EN-US", "en"), ("pt_BR", "pt"), ("zh-TW", "zh-Hant"), ("zh-Hant-HK", "zh-Hant"), ("zh_CN", "zh-Hans"),
        ("zh", "zh-Hans"), ("zho", "zh-Hans"), ("cmn_Hant", "zh-Hant"), ("fra_Latn", "fr"), ("deu", "de"),
        ("German", "de"), ("chinese", "zh-Hans"), ("tw", "zh-Hant"), ("kr", "ko"), ("jp", "ja"),
        ("zh-MO", "zh-Hant"), ("zh-CHT", "zh-Hant"), ("cmn-TW", "zh-Hant"), ("Chinese (Traditional)", "zh-Hant"),
        ("zh-Hans-SG", "zh-Hans"), ("fre", "fr"), ("ger", "de"), ("in", "id"), ("cmn", "zh-Hans"), ("Português", "pt"),
        ("ไทย", "th"), (" en ", "en"), ("xx", None), ("", None),
    ],
)  # fmt: skip
def test_a_language_is_found_as_others_write_it(spelling: str, code: str | None) -> None:
    assert code_of(spelling) == code


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("zh-CN", "zh-Hans"), ("EN", "en"), ("jp", "ja"), ("pt_BR", "pt"), ("zh", "zh-Hans"), ("cn", "zh-Hans"),
        ("kr", "ko"), ("tw", "zh-Hant"), ("vn", "vi"), ("zh-hans", "zh-Hans"), ("english", "en"), ("Frensh", "fr"),
    ],
)  # fmt: skip
def test_the_error_names_the_language_that_was_meant(wrong: str, code: str) -> None:
    with pytest.raises(InputError, match=f"unknown language code '{wrong}': did you mean '{code}'?"):
        language(wrong)
    assert meant_by(wrong) == code


@pytest.mark.parametrize(
    "other",
    ["ar", "fil", "hi", "iw", "nl", "ro", "uk", "xx", "Arabic", "Bengali", "Danish", "Dutch", "Hindi", "Norwegian"],
)
def test_no_language_of_ours_is_meant_by_another(other: str) -> None:
    assert meant_by(other) is None
    with pytest.raises(InputError, match=f"unknown language code '{other}': Valid"):
        language(other)


def test_nothing_is_meant_by_what_is_like_no_language() -> None:
    assert meant_by("row_number") is None
    with pytest.raises(InputError, match="Valid codes: en es fr"):
        language("row_number")


@pytest.mark.parametrize(
    ("wrong", "meant"), [("en-jp", "en-ja"), ("zh-CN-pt_BR", "zh-Hans-pt"), ("EN-zh", "en-zh-Hans")]
)
def test_a_wrong_direction_is_put_right(wrong: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"'{wrong}' is not a direction: did you mean '{meant}'?"):
        pair(wrong)


@pytest.mark.parametrize("wrong", ["en", "en-", "en-xx", "xx-yy", "end-"])
def test_what_is_no_direction_gets_no_hint(wrong: str) -> None:
    with pytest.raises(InputError, match=f"'{wrong}' is not a direction: Write SOURCE-TARGET"):
        pair(wrong)


def test_directions_are_all_ordered_pairs() -> None:
    assert directions(["en", "zh-Hans"]) == ["en-zh-Hans", "zh-Hans-en"]
    assert [pair(name) for name in directions(["th", "en"])] == [("th", "en"), ("en", "th")]
    assert len(directions()) == len(CODES) * (len(CODES) - 1)


def test_sharing_text_has_no_order() -> None:
    assert share_text("es", "pt")
    assert share_text("pt", "es")
    assert not share_text("en", "de")


@pytest.mark.parametrize(
    ("code", "small", "capital"), [("tr", "ısırgan iki", "ISIRGAN İKİ"), ("en", "big i", "BIG I"), ("th", "ไป", "ไป")]
)
def test_letters_change_their_case_as_the_language_does(code: str, small: str, capital: str) -> None:
    assert upper(small, code) == capital
    assert lower(capital, code) == small


def test_the_first_letter_and_the_dot_that_nobody_typed() -> None:
    assert [begun("iyi", code) for code in ("tr", "en", "xx")] == ["İyi", "Iyi", "Iyi"]
    assert lower("İstanbul", "en") == "istanbul"
