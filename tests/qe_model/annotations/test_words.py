"""Words of texts, and error spans to labels of words and back."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.languages.words import words_of
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import DIMENSION_LABELS, ErrorSpan
from qe_model.annotations.words import labels_to_spans, touched_words, word_labels, words_of_tokens

TEXTS = st.text(alphabet=st.sampled_from("ab é\u0301ñ.,'-59 ไทกำ日かカ한😀👍🏽\n\t"), max_size=40)


@given(TEXTS, st.data())
def test_any_span_touches_words_or_lies_in_a_gap(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
    words = [(a, b) for a, b in pairwise(cuts) if data.draw(st.booleans())]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found = touched_words((start, end), words)
    touched = [i for i, (a, b) in enumerate(words) if max(a, start) < min(b, end) or (start == end and a < start < b)]
    assert touched == list(found)
    assert touched or (
        all(b <= start for _, b in words[: found.start]) and all(a >= end for a, _ in words[found.start :])
    )


def test_labels_take_the_worst_and_gaps_stay_gaps() -> None:
    text = "one two three"
    words = words_of(text)
    spans = [
        ErrorSpan(0, 7, dimension="fluency", severity="minor"),
        ErrorSpan(5, 6, dimension="accuracy", severity="critical"),
        ErrorSpan(7, 8, dimension="fluency", severity="minor"),  # a space
        ErrorSpan(13, 13, dimension="accuracy", severity="major"),  # missing at the end
        ErrorSpan(-1, -1, severity="critical"),
        ErrorSpan(0, 3, side="source", severity="critical"),
    ]
    labels = word_labels(spans, words)
    assert labels.severity == (1, 3, 0)
    assert [DIMENSION_LABELS[kind] for kind in labels.dimension] == ["fluency", "accuracy", "none"]
    assert labels.gaps == (0, 0, 1, 2)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=8), st.data())
def test_labels_survive_spans(marks: list[tuple[int, int]], data: st.DataObject) -> None:
    words = tuple((3 * i, 3 * i + 2) for i in range(len(marks)))
    spans = [
        ErrorSpan(*words[i], dimension=DIMENSION_LABELS[kind], severity=("minor", "major", "critical")[level - 1])  # type: ignore[arg-type]
        for i, (level, kind) in enumerate(marks)
        if level
    ]
    gaps = data.draw(st.sets(st.integers(0, len(words)), max_size=3))
    places = [words[gap][0] if gap < len(words) else (words[-1][1] if words else 0) for gap in gaps]
    labels = word_labels([*spans, *(ErrorSpan(place, place) for place in places)], words)
    assert word_labels(labels_to_spans(labels), words) == labels


def test_tokens_are_found_in_the_text() -> None:
    text = "Er sagte: „Ja“ & ging…"
    tokens = ["Er", "sagte", ":", "``", "Ja", "''", "&amp;", "ging", "..."]
    found = [text[a:b] for a, b in words_of_tokens(text, tokens)]
    assert found == ["Er", "sagte", ":", "„", "Ja", "“", "&", "ging", "…"]
    with pytest.raises(InputError, match="row 3: token 1 'b'"):
        words_of_tokens("a c", ["a", "b"], "row 3")
    with pytest.raises(InputError, match="goes on"):
        words_of_tokens("a c", ["a"])
