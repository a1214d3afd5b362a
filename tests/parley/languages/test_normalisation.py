"""The one normalisation: what it changes, and that nothing is left to change."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.languages.normalisation import normalise


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
        ("นํ้าใจทํา", "นํ้าใจทำ"),
        ("เเดง", "แดง"),
        ("👩‍👧", "👩‍👧"),
        ("\u200b \n", ""),
    ],
)
def test_what_is_changed(text: str, tidy: str) -> None:
    assert normalised(text) == [tidy]


def test_null_stays_null_in_one_array_or_many() -> None:
    assert normalised(None, "a ") == [None, "a"]
    chunks = pa.chunked_array([[None, " a"], ["b  c"]])
    assert normalise(chunks).to_pylist() == [None, "a", "b c"]
    assert normalise(pa.chunked_array([[]], pa.string())).to_pylist() == []


@given(st.lists(st.text(max_size=20), max_size=5))
def test_twice_is_once(texts: list[str]) -> None:
    once = normalised(*texts)
    assert normalised(*once) == once
    for text in once:
        assert text is not None
        assert text == unicodedata.normalize("NFC", text)
        assert text == " ".join(text.split())
