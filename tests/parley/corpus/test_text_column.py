"""Columns of code points: the vectorised forms agree with the plain ones, text by text."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from parley.corpus.text_column import TextColumn, normal_form
from parley.languages.scripts import class_counts

TEXTS = st.lists(
    st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["Straße 12", "สวัสดี", "你好!", "🙂"])), max_size=8
)


@given(TEXTS, st.integers(0, 3))
def test_counts_and_lengths_are_those_of_the_single_texts(texts: list[str | None], skip: int) -> None:
    column = TextColumn(pa.array(texts, pa.string()).slice(skip))
    plain = [text or "" for text in texts[skip:]]
    assert column.lengths.tolist() == [len(text) for text in plain]
    assert column.class_counts.tolist() == [class_counts(text) for text in plain]
    assert column.normal_lengths.tolist() == [len(normal_form(text)) for text in plain]


@given(TEXTS)
def test_keys_are_equal_exactly_where_normal_forms_are(texts: list[str | None]) -> None:
    keys = TextColumn(pa.array(texts, pa.string())).keys.tolist()
    forms = [normal_form(text or "") for text in texts]
    for key, form in zip(keys, forms, strict=True):
        assert (key == 0) == (form == "")
        assert [key == other for other in keys] == [form == other for other in forms]


@given(TEXTS, st.integers(1, 4))
def test_ngrams_are_equal_exactly_where_the_texts_are(texts: list[str | None], size: int) -> None:
    grams, starts = TextColumn(pa.array(texts, pa.string())).ngrams(size)
    forms = [normal_form(text or "") for text in texts]
    expected = [form[at : at + size] for form in forms for at in range(len(form) - size + 1)]
    assert starts.tolist()[-1] == len(grams) == len(expected)
    assert len(set(grams.tolist())) == len(set(expected))
    assert len(set(zip(grams.tolist(), expected, strict=True))) == len(set(expected))


def test_normal_form() -> None:
    assert normal_form("Straße Nr. 12-B!") == "straßenr00b"
    assert normal_form("İstanbul") == "istanbul"
    assert normal_form("ก้าว ๑๒ 🙂") == "ก้าว00"
