"""Duplicates among train rows, exact and near; other splits are never touched."""

from pathlib import Path

import pyarrow as pa
import pytest

from tests.parley.corpus.compared import compare, ids
from tests.parley.corpus.test_cleaning import table_of

LONG = {
    "en": "The dragon guards the northern gate, so bring fire resistance potions and a healer with you.",
    "ru": "Дракон охраняет северные ворота, поэтому возьмите зелья огнестойкости и лекаря с собой.",
    "th": "มังกรเฝ้าประตูทางเหนืออยู่ ดังนั้นเอายากันไฟกับฮีลเลอร์มาด้วย",
}


def with_splits(table: pa.Table, splits: list[str]) -> pa.Table:
    """The table with its rows put into these splits."""
    return table.set_column(table.column_names.index("split"), "split", pa.array(splits))


def test_exact_duplicates_ignore_case_punctuation_and_digits(tmp_path: Path) -> None:
    table = table_of(
        {"en": "Level 5!", "ja": "レベル5！"},
        {"en": "level 7", "ja": "レベル7"},
        {"en": "Level 5!", "ja": "レベル5！", "ko": "레벨 5"},
        {"en": "Level 5!", "ja": "段階5"},
        {"ja": "Level 5", "en": "レベル5"},
    )
    kept, report = compare(table, tmp_path)
    assert ids(kept) == ["row:0", "row:2", "row:3", "row:4"]
    assert report["exact_duplicates"]["cells_dropped"] == {"en": 1, "ja": 1}
    assert report["exact_duplicates"]["examples"][0]["repeats"] == "row:0"


def test_near_duplicates_are_dropped_and_the_earlier_row_stays(tmp_path: Path) -> None:
    near = {code: text.replace("dragon", "dragons").replace("Дракон", "Драконы") for code, text in LONG.items()}
    other = {code: text[::-1] for code, text in LONG.items()}
    table = table_of(other, LONG, {"en": "Hi", "ru": "Привет"}, near, near | {"de": LONG["en"][::-1]})
    kept, report = compare(table, tmp_path)
    assert ids(kept) == ["row:0", "row:1", "row:2", "row:4"]
    counts = report["near_duplicates"]
    assert (counts["rows_in"], counts["rows_out"], counts["cells_dropped"]) == (5, 4, {"en": 1, "ru": 1, "th": 1})
    assert counts["examples"][0]["repeats"] == "row:1"


def test_a_chain_of_near_duplicates_is_compared_with_what_stays(tmp_path: Path) -> None:
    words = LONG["en"].split()
    chain = [{"en": " ".join(words[step:] + ["gg"] * step), "ru": LONG["ru"]} for step in range(6)]
    kept, _ = compare(table_of(*chain), tmp_path)
    assert ids(kept)[0] == "row:0"
    assert 1 < kept.num_rows < 6


def test_short_messages_are_only_compared_exactly(tmp_path: Path) -> None:
    table = table_of({"en": "I am ready", "fr": "Je suis prêt"}, {"en": "I am ready", "fr": "Je suis prête"})
    assert compare(table, tmp_path)[0].num_rows == 2


def test_only_train_rows_are_dropped(tmp_path: Path) -> None:
    table = with_splits(table_of(LONG, LONG, LONG, LONG), ["test", "train", "train", "dev"])
    kept, report = compare(table, tmp_path)
    assert report["exact_duplicates"]["rows_out"] == 3
    assert ids(kept) == ["row:0"]  # dev and train rows that hold a test text go, too


@pytest.mark.parametrize(("duplicates", "rows"), [("none", 3), ("exact", 2), ("near", 1)])
def test_each_kind_can_be_turned_off(duplicates: str, rows: int, tmp_path: Path) -> None:
    near = LONG | {"en": LONG["en"].replace("dragon", "dragons")}
    kept, report = compare(table_of(LONG, LONG, near), tmp_path, duplicates)
    assert kept.num_rows == rows
    assert ("near_duplicates" in report, "exact_duplicates" in report) == (rows == 1, rows < 3)


def test_rows_without_letters_and_empty_tables_are_left_alone(tmp_path: Path) -> None:
    table = table_of({"en": "🙂", "fr": "🙂"}, {"en": "🙂", "fr": "👍"})
    assert compare(table, tmp_path / "smileys")[0].num_rows == 2


def test_ids_become_unique_over_all_parts(tmp_path: Path) -> None:
    table = table_of(*({"en": f"DemoMessage {chr(97 + n)}", "fr": f"Texte {chr(97 + n)}"} for n in range(7)))
    same = table.set_column(0, "row_id", pa.array(["a", "b", "a", "c", "a", "b", "d"]))
    same = same.set_column(2, "split", pa.array(["train"] * 7))
    assert sorted(ids(compare(same, tmp_path)[0])) == ["a", "a#2", "a#3", "b", "b#2", "c", "d"]
