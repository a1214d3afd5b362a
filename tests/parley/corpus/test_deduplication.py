"""Duplicates among train rows, exact and near; other splits are never touched."""

import pyarrow as pa

from parley.corpus.cleaning_config import CleaningConfig, DuplicatesConfig
from parley.corpus.deduplication import remove_near_duplicates
from tests.parley.corpus.test_cleaning import table_of

LONG = {
    "en": "The dragon guards the northern gate, so bring fire resistance potions and a healer with you.",
    "ru": "Дракон охраняет северные ворота, поэтому возьмите зелья огнестойкости и лекаря с собой.",
    "th": "มังกรเฝ้าประตูทางเหนืออยู่ ดังนั้นเอายากันไฟกับฮีลเลอร์มาด้วย",
}


def with_splits(table: pa.Table, splits: list[str]) -> pa.Table:
    """The table with its rows put into these splits."""
    return table.set_column(table.column_names.index("split"), "split", pa.array(splits))


def left(table: pa.Table, config: CleaningConfig | None = None) -> list[str]:
    """The row ids that remain."""
    return remove_near_duplicates(table, config or CleaningConfig())[0]["row_id"].to_pylist()


def test_exact_duplicates_ignore_case_punctuation_and_digits() -> None:
    table = table_of(
        {"en": "Level 5!", "ja": "レベル5！"},
        {"en": "level 7", "ja": "レベル7"},
        {"en": "Level 5!", "ja": "レベル5！", "ko": "레벨 5"},
        {"en": "Level 5!", "ja": "段階5"},
        {"ja": "Level 5", "en": "レベル5"},
    )
    kept, report = remove_near_duplicates(table, CleaningConfig())
    assert kept["row_id"].to_pylist() == ["row:0", "row:2", "row:3", "row:4"]
    assert report.filters["exact_duplicates"].dropped == {"en": 1, "ja": 1}
    assert report.filters["exact_duplicates"].examples[0][1]["repeats"] == "row:0"


def test_near_duplicates_are_dropped_and_the_earlier_row_stays() -> None:
    near = {code: text.replace("dragon", "dragons").replace("Дракон", "Драконы") for code, text in LONG.items()}
    other = dict.fromkeys(LONG, "") | {"en": LONG["en"][::-1], "ru": LONG["ru"][::-1], "th": LONG["th"][::-1]}
    kept, report = remove_near_duplicates(
        table_of(other, LONG, near, near | {"de": LONG["en"][::-1]}), CleaningConfig()
    )
    assert kept["row_id"].to_pylist() == ["row:0", "row:1", "row:3"]
    counts = report.filters["near_duplicates"]
    assert (counts.rows_in, counts.rows_out, counts.dropped) == (4, 3, {"en": 1, "ru": 1, "th": 1})


def test_short_messages_are_only_compared_exactly() -> None:
    assert (
        len(left(table_of({"en": "I am ready", "fr": "Je suis prêt"}, {"en": "I am ready", "fr": "Je suis prête"})))
        == 2
    )


def test_only_train_rows_are_dropped() -> None:
    table = with_splits(table_of(LONG, LONG, LONG, LONG), ["test", "train", "train", "dev"])
    assert left(table) == ["row:0", "row:1", "row:3"]


def test_each_kind_can_be_turned_off() -> None:
    off = CleaningConfig(duplicates=DuplicatesConfig(exact=False, near=False))
    assert len(left(table_of(LONG, LONG), off)) == 2
    near_only = CleaningConfig(duplicates=DuplicatesConfig(exact=False))
    assert left(table_of(LONG, LONG), near_only) == ["row:0"]


def test_rows_without_letters_and_empty_tables_are_left_alone() -> None:
    assert len(left(table_of({"en": "🙂", "fr": "🙂"}, {"en": "🙂", "fr": "👍"}))) == 2
    assert left(table_of()) == []
