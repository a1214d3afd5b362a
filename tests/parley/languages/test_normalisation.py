"""The one normalisation: what it changes, and that nothing is left to change."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.languages.normalisation import normalise, normalised_text
from tests.parley.languages.typed import CLEAN, INVISIBLE, TYPED


def normalised(*texts: str | None) -> list[str | None]:
    found: list[str | None] = normalise(pa.array(texts, pa.string())).to_pylist()
    return found


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("  two\t words \n", "two words"),
        ("wide\u3000space\u00a0here", "wide space here"),
        ("soft\u00adhyphen\u200b and\ufeff marks\x07", "softhyphen and marks"),
        ("cafe\u0301", "café"),
        ("e\u200b\u0301", "é"),
        ("นํ้าใจทํา", "น้ำใจทำ"),
        ("น้ํา นำ้", "น้ำ น้ำ"),
        ("เเดง", "แดง"),
        ("น้ีก่ินข้ึน", "นี้กิ่นขึ้น"),
        ("la\u0302\u0301u ô\u0303 â\u0323", "lấu ỗ ậ"),
        ("\u1112\u1161\u11ab", "한"),
        ("a\u200db 1\u200d2", "ab 12"),
        ("x\ufe0f ❤\ufe0f 1\ufe0f\u20e3", "x ❤\ufe0f 1\ufe0f\u20e3"),
        ("👩🏽\u200d🚀 ❤️\u200d🔥 👩\u200d", "👩🏽\u200d🚀 ❤️\u200d🔥 👩"),
        ("🏴\U000e0067\U000e007f a\U000e0067\U000e007f", "🏴\U000e0067\U000e007f a"),
        ("👩‍👧", "👩‍👧"),
        ("\u200b \n", ""),
        ("\u3164\u2800\u034f\ufe0f\u200d", ""),
    ],
)
def test_what_is_changed(text: str, tidy: str) -> None:
    assert normalised(text) == [tidy]


def test_null_stays_null_in_one_array_or_many() -> None:
    assert normalised(None, "a ") == [None, "a"]
    chunks = pa.chunked_array([[None, " a"], ["b  c"]])
    assert normalise(chunks).to_pylist() == [None, "a", "b c"]
    assert normalise(pa.chunked_array([[]], pa.string())).to_pylist() == []


# Letters, marks, joiners, spaces and controls that the steps look at, more often together than chance would have them.
NEAR = st.sampled_from(
    "กนเแาำัิีุํ่้์a1Iêơ\u0302\u0323\u0301\u1112\u1161👩❤🏽🏴\u200b\u200d\ufe0f\U000e0067\u00ad \u00a0\u2800\t\x85\x1f"
)
TEXT = st.text(st.one_of(NEAR, st.characters(exclude_categories=["Cs"])), max_size=20)


def test_messages_however_they_were_typed() -> None:
    assert normalised(*TYPED) == CLEAN
    assert set(normalised(*INVISIBLE)) == {""}


@given(st.lists(TEXT, max_size=5))
def test_corpora_and_vocabularies_agree(texts: list[str]) -> None:
    assert normalised(*texts) == [normalised_text(text) for text in texts]


@given(st.lists(TEXT, max_size=5))
def test_twice_is_once(texts: list[str]) -> None:
    once = normalised(*texts)
    assert normalised(*once) == once
    for text in once:
        assert text is not None
        assert text == unicodedata.normalize("NFC", text)
        assert text == " ".join(text.split())
