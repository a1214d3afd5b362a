"""Words of a text in any language."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.languages.words import spaced, words_of

TEXTS = st.text(alphabet=st.sampled_from("ab é\u0301ñ.,'-59 ไทกำ日かカ한😀👍🏽\n\t"), max_size=40)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't go, 3.5 km!!!", ["Don't", "go", ",", "3.5", "km", "!!!"]),
        ("l'homme d’été", ["l'homme", "d’été"]),
        ("我们从左边包抄。", ["我", "们", "从", "左", "边", "包", "抄", "。"]),
        ("左から回り込もう", ["左", "から", "回", "り", "込", "もう"]),
        ("ドラゴンだ", ["ドラゴン", "だ"]),
        ("เก็บไว้", ["เก็", "บ", "ไว้"]),
        ("전리품 줘", ["전리품", "줘"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("👍🏽👨‍👩‍👧🇩🇪", ["👍🏽", "👨‍👩‍👧", "🇩🇪"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_words_of(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in words_of(text)] == words


@given(TEXTS)
def test_words_cover_all_but_spaces(text: str) -> None:
    words = words_of(text)
    covered = "".join(text[start:end] for start, end in words)
    assert covered == "".join(text.split())
    assert all(first[1] <= second[0] for first, second in pairwise(words))


def test_a_language_outside_the_table_is_taken_to_be_spaced() -> None:
    assert [spaced(code) for code in ("en", "ko", "th", "ja", "mr")] == [True, True, False, False, True]
