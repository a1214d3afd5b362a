"""Decontamination: no dev, test or user-supplied text stays in train, in any language."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.corpus.decontamination import HeldOutTexts
from parley.corpus.text_column import normal_form
from tests.parley.corpus.compared import compare, ids
from tests.parley.corpus.test_cleaning import table_of
from tests.parley.corpus.test_deduplication import LONG, with_splits


def left(table: pa.Table, near: bool = True, **texts: list[str]) -> list[str]:
    """The row ids that remain."""
    found = HeldOutTexts(texts, near).found_in(table, np.ones(table.num_rows, bool))
    return [row_id for row, row_id in enumerate(table["row_id"].to_pylist()) if row not in found]


def test_equal_text_in_any_language_takes_the_train_row_out(tmp_path: Path) -> None:
    table = with_splits(
        table_of(
            {"en": "Good luck!", "th": "โชคดีนะ"},
            {"en": "Best of luck", "th": "โชคดีนะ!"},
            {"fr": "GOOD LUCK", "de": "Viel Glück"},
            {"en": "good luck", "de": "Viel Glück"},
            {"en": "Fine", "de": "Gut"},
        ),
        ["test", "train", "train", "train", "dev"],
    )
    kept, report = compare(table, tmp_path)
    assert ids(kept) == ["row:0", "row:2", "row:4"]
    counts = report["decontamination"]
    assert (counts["rows_in"], counts["rows_out"], counts["cells_dropped"]) == (5, 3, {"en": 2, "th": 1, "de": 1})
    assert {example["test_text"] for example in counts["examples"]} == {"th: โชคดีนะ", "en: Good luck!"}


def test_dev_rows_that_hold_a_test_text_go_and_take_no_train_row_along(tmp_path: Path) -> None:
    rows = table_of({"en": "Go", "fr": "Va"}, {"en": "Go", "fr": "Vite"}, {"en": "Run", "fr": "vite"})
    kept, report = compare(with_splits(rows, ["test", "dev", "train"]), tmp_path)
    assert ids(kept) == ["row:0", "row:2"]
    assert report["dev_decontamination"]["examples"][0]["test_text"] == "en: Go"


def test_user_supplied_test_sets_count() -> None:
    table = table_of({"en": "Nice shot", "ja": "ナイスショット"}, {"en": "Sorry", "ja": "ごめん"})
    assert left(table) == ["row:0", "row:1"]
    assert left(table, ja=["ナイスショット！"]) == ["row:1"]


@pytest.mark.parametrize("code", LONG)
def test_near_matches_of_long_texts_are_found(code: str) -> None:
    text = LONG[code]
    changed = {"en": "Careful: " + text.replace("a healer", "healers"), "ru": text + " Удачи", "th": text + "นะ"}[code]
    other = {"en": "ru", "ru": "th", "th": "en"}[code]
    table = table_of({code: changed, other: LONG[other][::-1]}, {code: text[: len(text) // 2], other: "x"})
    assert left(table, **{code: [text]}) == ["row:1"]
    assert left(table, near=False, **{code: [text]}) == ["row:0", "row:1"]


WORDS = st.lists(st.sampled_from(["go", "Go!", "ไป", "2", "run", "to", "the", "base"]), max_size=4).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS, st.sampled_from(["train", "dev", "test"])), max_size=10))
def test_no_test_text_is_left_in_train(rows: list[tuple[str, str, str]]) -> None:
    table = with_splits(table_of(*({"en": en, "th": th} for en, th, _ in rows)), [split for _, _, split in rows])
    held_out = [row for row in table.to_pylist() if row["split"] != "train"]
    texts = HeldOutTexts({code: [row[code] for row in held_out] for code in ("en", "th")})
    train = table.filter(pc.equal(table["split"], "train"))
    found = texts.found_in(train, np.ones(train.num_rows, bool))
    kept = [row for number, row in enumerate(train.to_pylist()) if number not in found]
    for code in ("en", "th"):
        forms = {normal_form(row[code]) for row in held_out} - {""}
        assert all(normal_form(row[code]) not in forms for row in kept)
