"""Parquet in long form: languages are told by columns."""

from pathlib import Path
from typing import Any

import pytest

from parley.pipeline.errors import InputError
from tests.parley.corpus.sources.conftest import Opened, rows
from tests.parley.corpus.sources.test_parquet import write

TEXTS = {"source": "from", "target": "to"}


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """Five rows: good, bad, not judged, of another split, in a language that is not ours."""
    path = tmp_path / "a.parquet"
    write(
        path,
        source=["yes", "no", "go", "wait", "run"],
        target=["ja", "nein", "走", "warte", "utíkej"],
        **{"from": ["en", "en", "en", "en", "en"], "to": ["de", "de", "zh-Hans", "de", "cs"]},
        penalty=[0.0, 9.0, None, 1.0, 0.0],
        split=["train", "train", "train", "overlap", "train"],
    )
    return path


def read(opened: Opened, **fields: Any) -> list[dict[str, Any]]:
    """Rows without empty cells."""
    found = rows(opened("pairs", "a.parquet", texts=TEXTS, **fields))
    return [{name: cell for name, cell in row.items() if cell is not None} for row in found]


def test_texts_stand_under_their_languages(annotated: Path, opened: Opened) -> None:
    assert read(opened)[:3] == [
        {"split": "train", "en": "yes", "de": "ja"},
        {"split": "train", "en": "no", "de": "nein"},
        {"split": "train", "en": "go", "zh-Hans": "走"},
    ]
    assert read(opened)[4] == {"split": "train", "en": "run"}  # one language alone: the corpus drops such rows
    assert opened("pairs", "a.parquet", texts=TEXTS).head().languages == ["en", "de", "zh-Hans"]


def test_bad_rows_and_other_splits_are_left_out(annotated: Path, opened: Opened) -> None:
    found = read(opened, at_most={"penalty": 5.0}, split_names={"train": "train"})
    assert [row["en"] for row in found] == ["yes", "run"]


def test_a_column_that_is_not_there_is_named(annotated: Path, opened: Opened) -> None:
    with pytest.raises(InputError, match="no column 'hter'; it has: source target from to penalty split"):
        opened("pairs", "a.parquet", texts=TEXTS, at_most={"hter": 0.3}).head()


def test_both_texts_must_be_named(opened: Opened) -> None:
    with pytest.raises(InputError, match="source 'example': format pairs needs two texts"):
        opened("pairs", "mqm.parquet", texts={"source": "from"})


def test_a_text_of_numbers_is_refused(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "a.parquet", source=["yes"], target=[1], **{"from": ["en"], "to": ["de"]})
    with pytest.raises(InputError, match="column 'target' is int64, it must be string"):
        opened("pairs", "a.parquet", texts=TEXTS).head()
