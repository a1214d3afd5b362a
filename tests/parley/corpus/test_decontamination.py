"""Decontamination: no dev, test or user-supplied text stays in train, in any language."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.corpus.cleaning_config import CleaningConfig, DecontaminationConfig
from parley.corpus.decontamination import decontaminate
from parley.corpus.text_column import normal_form
from parley.pipeline.errors import InputError
from tests.parley.corpus.test_cleaning import table_of
from tests.parley.corpus.test_deduplication import LONG, with_splits


def left(table: pa.Table, config: CleaningConfig | None = None, **extra: list[str]) -> list[str]:
    """The row ids that remain."""
    return decontaminate(table, config or CleaningConfig(), extra)[0]["row_id"].to_pylist()


def test_equal_text_in_any_language_takes_the_train_row_out() -> None:
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
    kept, report = decontaminate(table, CleaningConfig())
    assert kept["row_id"].to_pylist() == ["row:0", "row:2", "row:4"]
    counts = report.filters["decontamination"]
    assert (counts.rows_in, counts.rows_out, counts.dropped) == (5, 3, {"en": 2, "th": 1, "de": 1})
    assert {example["test_text"] for _, example in counts.examples} == {"th: โชคดีนะ", "en: Good luck!"}


def test_user_supplied_test_sets_count() -> None:
    table = table_of({"en": "Nice shot", "ja": "ナイスショット"}, {"en": "Sorry", "ja": "ごめん"})
    assert left(table) == ["row:0", "row:1"]
    assert left(table, ja=["ナイスショット！"]) == ["row:1"]
    with pytest.raises(InputError, match="unknown language code 'jp'"):
        decontaminate(table, CleaningConfig(), {"jp": ["x"]})


@pytest.mark.parametrize("code", LONG)
def test_near_matches_of_long_texts_are_found(code: str) -> None:
    text = LONG[code]
    changed = {"en": "Careful: " + text.replace("a healer", "healers"), "ru": text + " Удачи", "th": text + "นะ"}[code]
    other = {"en": "ru", "ru": "th", "th": "en"}[code]
    table = table_of({code: changed, other: LONG[other][::-1]}, {code: text[: len(text) // 2], other: "x"})
    assert left(table, **{code: [text]}) == ["row:1"]
    exact_only = CleaningConfig(decontamination=DecontaminationConfig(near=False))
    assert left(table, exact_only, **{code: [text]}) == ["row:0", "row:1"]


def test_short_test_texts_can_be_let_through() -> None:
    table = table_of({"en": "OK", "fr": "D'accord"}, {"en": "See you soon", "fr": "À bientôt"})
    lenient = CleaningConfig(decontamination=DecontaminationConfig(min_chars=8))
    assert left(table, en=["ok", "See you soon!"]) == []
    assert left(table, lenient, en=["ok", "See you soon!"]) == ["row:0"]


WORDS = st.lists(st.sampled_from(["go", "Go!", "ไป", "2", "run", "to", "the", "base"]), max_size=4).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS, st.sampled_from(["train", "dev", "test"])), max_size=10))
def test_no_test_text_is_left_in_train(rows: list[tuple[str, str, str]]) -> None:
    table = with_splits(table_of(*({"en": en, "th": th} for en, th, _ in rows)), [split for _, _, split in rows])
    kept, _ = decontaminate(table, CleaningConfig())
    held_out = [row for row in table.to_pylist() if row["split"] != "train"]
    assert [row for row in kept.to_pylist() if row["split"] != "train"] == held_out
    for code in ("en", "th"):
        forms = {normal_form(row[code]) for row in held_out} - {""}
        assert all(normal_form(row[code]) not in forms for row in kept.to_pylist() if row["split"] == "train")
