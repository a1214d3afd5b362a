"""One span form: what fits, what does not, and Parquet there and back."""

from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import AnnotatedTranslation, ContextMessage, ErrorSpan, penalty
from qe_model.annotations.store import read_annotations, write_annotations

FULL = AnnotatedTranslation(
    id="a-1", document="d", system="s", source_lang="en", target_lang="de", source="Hi 😀 you", target="Hallo 😀 du",
    context=(ContextMessage("Before", "Vorher"), ContextMessage("And", None)),
    spans=(ErrorSpan(0, 5, severity="minor", rater="r1"), ErrorSpan(7, 7, category="Omission", rater="r2"),
           ErrorSpan(-1, -1, severity="critical", rater="r2"), ErrorSpan(0, 2, side="source", rater="r2")),
    raters=("r1", "r2", "r3"), known=frozenset({"severity", "gaps"}),
    source_words=((0, 2), (3, 4), (5, 8)), target_words=((0, 5),), split="dev", domain="chat",
)  # fmt: skip
BARE = AnnotatedTranslation("a-2", "d", "s", "en", "th", "", "")


def test_parquet_keeps_everything(tmp_path: Path) -> None:
    write_annotations(tmp_path / "a.parquet", [FULL, BARE])
    write_annotations(tmp_path / "b.parquet", [FULL, BARE])

    assert list(read_annotations(tmp_path / "a.parquet")) == [FULL, BARE]
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert [one.id for one in read_annotations(tmp_path, keep=lambda one: one.split == "dev")] == ["a-1", "a-1"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"start": 3, "end": 2}, "3 to 2"),
        ({"start": -1, "end": 2}, "-1 to 2"),
        ({"start": 0, "end": 1, "severity": "neutral"}, "minor major critical"),
        ({"start": 0, "end": 1, "side": "reference"}, "target source"),
        ({"start": 0, "end": 1, "dimension": "style"}, "accuracy fluency consistency other"),
    ],
)
def test_a_span_that_is_none_names_what_is_wrong(fields: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ErrorSpan(**fields)


def test_what_does_not_fit_the_text_names_the_row() -> None:
    with pytest.raises(InputError, match="row-7: a span from 0 to 5 does not fit its target of 4"):
        AnnotatedTranslation("row-7", "d", "s", "en", "de", "long source", "kurz", spans=(ErrorSpan(0, 5),))
    with pytest.raises(InputError, match="row-7: word 1-3"):
        AnnotatedTranslation("row-7", "d", "s", "en", "de", "", "kurz", target_words=((0, 2), (1, 3)))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"broken\.parquet"):
        list(read_annotations(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no annotations"):
        list(read_annotations(tmp_path / "empty"))


def test_penalty_counts_unplaced_but_not_source_errors() -> None:
    assert penalty(FULL.spans) == 1 + 5 + 25
    assert penalty(FULL.spans, raters=2) == 15.5
    assert FULL.spans_of("r2") == (FULL.spans[1],)
