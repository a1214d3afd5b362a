"""Texts as people type them: words, tags and spans as in the normal form, and back to what was typed."""

import pytest

from parley.languages.normalisation import normalised_text
from parley.languages.words import words_of
from qe_model.annotations.annotation import AnnotatedTranslation, ErrorSpan
from qe_model.annotations.normal_form import NormalText, in_normal_form

CHANGES = {  # of "Où est-il, น้ำดี ?"
    "zero-width space": "O\u200bù est-il, น้ำ\u200bดี ?",
    "word joiner": "Où\u2060 est-il, น้ำดี ?",
    "soft hyphen": "Où est\u00ad-il, น้ำดี ?",
    "decomposed": "Ou\u0300 est-il, น้ำดี ?",
    "no-break space": "Où est-il, น้ำดี\u00a0?",
    "narrow no-break space": "Où est-il, น้ำดี\u202f?",
    "two spaces": "Où  est-il, น้ำดี ?",
    "byte order mark": "\ufeffOù est-il, น้ำดี ?",
    "line separator": "Où est-il,\u2028น้ำดี ?",
    "spaces around": " Où est-il, น้ำดี ?\t ",
    "Thai sara am in halves": "Où est-il, นํ้าดี ?",
    "control": "Où est-il\x07, น้ำดี ?",
    "direction mark": "Où est-il, \u200eน้ำดี ?",
}


@pytest.mark.parametrize("raw", CHANGES.values(), ids=CHANGES)
def test_words_are_those_of_the_normal_form(raw: str) -> None:
    plain = "Où est-il, น้ำดี ?"
    text = NormalText.of(raw)
    assert text.text == plain
    for start, end in words_of(plain):
        begin, stop = text.written((start, end))
        assert normalised_text(raw[begin:stop]) == plain[start:end]
        assert text.normal((begin, stop)) == (start, end)


def test_annotations_move_with_their_text() -> None:
    one = AnnotatedTranslation(
        "a", "d", "", "en", "fr", "\ufeffWhere?", "O\u200bu\u0300  va  \u200b",
        spans=(ErrorSpan(6, 8), ErrorSpan(8, 11), ErrorSpan(11, 11), ErrorSpan(0, 1, side="source"), ErrorSpan(-1, -1)),
        target_words=((0, 1), (1, 2), (2, 4), (6, 8)),
    )  # fmt: skip
    found = in_normal_form(one)
    assert (found.source, found.target) == ("Where?", "Où va")
    assert [(span.start, span.end) for span in found.spans] == [(3, 5), (4, 5), (5, 5), (-1, -1), (-1, -1)]
    assert found.target_words == ((0, 1), (1, 2), (3, 5))
