"""Cleaning: each filter on text in several scripts, and counts that add up."""

import json
import random
from collections.abc import Mapping
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.corpus.cleaning import Cleaner
from parley.corpus.cleaning_report import CleaningReport
from parley.corpus.config import STEPS, CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.languages.table import CODES
from parley.pipeline.errors import InputError

Row = Mapping[str, str]


def table_of(*rows: Row) -> pa.Table:
    """A train table with all 16 columns."""
    columns = {code: pa.array([row.get(code) for row in rows], pa.string()) for code in CODES}
    fixed = {
        "row_id": [f"row:{index}" for index in range(len(rows))],
        "domain": ["chat"] * len(rows),
        "split": ["train"] * len(rows),
        "origin": ["human"] * len(rows),
    }
    return pa.table(fixed | columns)


def cleaned(step: str, *rows: Row, **settings: object) -> tuple[list[dict[str, str]], CleaningReport]:
    """The rows that one step leaves, without their empty cells."""
    table, report = Cleaner(CleaningConfig(steps=[step], **settings), CODES).clean(table_of(*rows))  # type: ignore[arg-type]
    rows_left = [{code: row[code] for code in CODES if row[code] is not None} for row in table.to_pylist()]
    return rows_left, report


def survivors(step: str, row: Row, **settings: object) -> set[str]:
    """The languages whose cells of one row pass a step."""
    rows, _ = cleaned(step, row, **settings)
    return set(rows[0]) if rows else set()


@pytest.mark.parametrize(
    ("code", "text", "tidy"),
    [
        ("fr", " de\u0301ja\u0300\u00a0vu\t!\n", "déjà vu !"),
        ("vi", "Tie\u0302\u0301ng Vie\u0302\u0323t", "Tiếng Việt"),
        ("th", "กําลังเเชท", "กำลังแชท"),
        ("ja", "\ufeff待って\u3000ください\u200b", "待って ください"),
        ("ko", "\u1112\u1161\u11ab글", "한글"),
        ("de", "Zu\u00adsam\x07men", "Zusammen"),
        ("en", "family 👨\u200d👩\u200d👧 ok", "family 👨\u200d👩\u200d👧 ok"),
    ],
)
def test_normalise_rewrites(code: str, text: str, tidy: str) -> None:
    rows, report = cleaned("normalise", {"ru": "привет", code: text})
    assert rows == [{"ru": "привет", code: tidy}]
    assert report.filters["normalise"].changed == ({code: 1} if text != tidy else {})


@settings(max_examples=60)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_normalise_twice_is_normalise_once(texts: list[str]) -> None:
    once, _ = cleaned("normalise", *({"en": text, "th": text, "ko": "안녕"} for text in texts))
    twice, report = cleaned("normalise", *once)
    assert twice == once
    assert not report.filters["normalise"].changed


def test_normalise_drops_what_becomes_empty() -> None:
    rows, report = cleaned("normalise", {"en": " \u200b ", "de": "Hallo", "fr": "Salut"}, {"en": "Hi", "de": "\n"})
    assert rows == [{"de": "Hallo", "fr": "Salut"}]
    counts = report.filters["normalise"]
    assert (counts.dropped, counts.stranded) == ({"en": 1, "de": 1}, {"en": 1})


# Per case: the step, a row, and the languages whose cells must survive it.
CASES = [
    ("damage", {"en": "caf\ufffd", "fr": "café", "de": "Café"}, {"fr", "de"}),
    ("entities", {"en": "a &amp; b", "fr": "a &eacute; b"}, {"en", "fr"}),
    ("mojibake", {"en": "dÃ©jÃ\xa0 vu", "fr": "déjà vu", "pt": "NÃO, mãe"}, {"fr", "pt"}),
    ("damage", {"en": "icon \ue001", "ja": "アイコン", "zh-Hans": "图标 👍🏽"}, {"ja", "zh-Hans"}),
    ("letters", {"en": "Level 5", "ru": "12:30 / 45 %", "th": "เลเวล 5"}, {"en", "th"}),
    ("letters", {"en": "+100 XP", "ja": "+100", "ko": "경험치 +100"}, {"en", "ko"}),
    ("script", {"en": "Hello", "ru": "Hello", "th": "สวัสดี"}, {"en", "th"}),
    ("script", {"en": "Привет", "ru": "Привет", "th": "สวัสดี"}, {"ru", "th"}),
    ("script", {"en": "Play Minecraft", "ru": "Играть в Minecraft", "zh-Hans": "玩Minecraft"}, {"en", "ru", "zh-Hans"}),
    ("script", {"en": "Are you sure?", "zh-Hant": "你确定？", "zh-Hans": "你确定？"}, {"en", "zh-Hans"}),
    ("script", {"en": "They came", "zh-Hans": "他們來了", "zh-Hant": "他們來了"}, {"en", "zh-Hant"}),
    ("script", {"zh-Hans": "了解", "zh-Hant": "了解", "ja": "了解"}, {"zh-Hans", "zh-Hant", "ja"}),
    ("script", {"en": "Hello", "zh-Hans": "こんにちは", "ja": "こんにちは"}, {"en", "ja"}),
    ("script", {"en": "We beat the boss", "ja": "我们终于一起打败了最后的敌人", "ko": "보스를 잡았다"}, {"en", "ko"}),
    ("repetition", {"en": "gooooal", "es": "gol" + "o" * 20, "ru": "гооол"}, {"en", "ru"}),
    ("repetition", {"en": "very good", "th": "มาก" * 12, "ja": "とてもいい"}, {"en", "ja"}),
    ("repetition", {"en": "nice", "de": "sehr gut " * 9, "ko": "좋아"}, {"en", "ko"}),
    ("repetition", {"en": "ha" * 12, "ko": "ㅋ" * 20, "th": "5" * 20}, {"en", "ko", "th"}),
    ("copies", {"en": "Hide recommended videos", "de": "Hide Recommended Videos!", "fr": "Masquer"}, {"en", "fr"}),
    ("copies", {"en": "Super Mario", "de": "Super Mario"}, {"en", "de"}),
    ("copies", {"es": "Mostrar resultados como", "pt": "Mostrar resultados como"}, {"es", "pt"}),
    ("copies", {"zh-Hans": "大" * 30, "zh-Hant": "大" * 30}, {"zh-Hans", "zh-Hant"}),
    ("numbers", {"en": "22 stations", "id": "23 stasiun", "ja": "22駅"}, {"en", "ja"}),
    ("numbers", {"en": "10 million", "zh-Hans": "1000万", "th": "๑๐ ล้าน"}, {"en", "zh-Hans", "th"}),
    ("numbers", {"en": "1,234.5 points", "de": "1.234,5 Punkte", "ko": "1234.5점"}, {"en", "de", "ko"}),
    ("numbers", {"en": "2 of 5", "fr": "deux sur cinq", "tr": "5 üzerinden 2"}, {"en", "fr", "tr"}),
    ("numbers", {"en": "Since 1984", "fr": "Depuis longtemps", "ru": "С 1984 года"}, {"en", "ru"}),
    ("numbers", {"en": "Come at 9:30 pm", "de": "Komm um 21:30"}, {"en", "de"}),
    ("placeholders", {"en": "{0} joined", "th": "{0} เข้าร่วม", "vi": "{1} đã vào"}, {"en", "th"}),
    ("placeholders", {"en": "%s turns", "zh-Hans": "%s回合", "ja": "%dターン"}, {"en", "zh-Hans"}),
    ("placeholders", {"en": "%1$d of %2$s", "ko": "%2$s 중 %1$d", "pl": "%1$d z %s"}, {"en", "ko"}),
    ("placeholders", {"en": "100% done", "fr": "100 % fini", "de": "100 % durch"}, {"en", "fr", "de"}),
    ("urls", {"en": "See https://en.wiki.org/a", "fr": "Voir https://fr.wiki.org/b", "pl": "Zobacz"}, {"en", "fr"}),
    ("urls", {"en": "Write to me@example.com", "ja": "me@example.com に連絡", "ko": "연락해"}, {"en", "ja"}),
    ("length_ratio", {"en": "Net", "fr": "Carte réseau (adresse source)" * 2, "ja": "網"}, {"en", "ja"}),
    ("length_ratio", {"en": "x" * 90, "zh-Hans": "字" * 29, "ko": "가" * 46}, {"en", "zh-Hans", "ko"}),
    ("length_ratio", {"en": "OK", "de": "Einverstanden"}, {"en", "de"}),
    ("length_ratio", {"en": "x" * 200, "de": "x"}, set()),
    ("language", {"en": "Where is everybody?", "de": "Where is everybody going?", "ru": "а"}, {"en", "ru"}),
    ("language", {"es": "¿Dónde está mi espada mágica?", "pl": "Gdzie jest mój magiczny miecz?"}, {"es", "pl"}),
    ("language", {"en": "Hola", "de": "Hello"}, {"en", "de"}),
]  # fmt: skip


@pytest.mark.parametrize(("step", "row", "expected"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_filter_keeps_exactly_the_good_cells(step: str, row: Row, expected: set[str]) -> None:
    assert survivors(step, row) == expected


def test_every_filter_has_a_case_and_a_place_in_the_order() -> None:
    assert set(STEPS) <= set(FILTERS.names())
    assert {step for step, _, _ in CASES} | {"normalise", "length"} == set(STEPS)


@pytest.mark.parametrize("code", CODES)
def test_length_counts_characters_not_bytes(code: str) -> None:
    text = {"th": "ก", "ja": "あ", "ko": "가", "ru": "я"}.get(code, "é")
    other = "en" if code != "en" else "fr"
    for count, kept in ((2, True), (3, True), (4, False)):
        row = (
            {code: text * count, other: "ab", "it": "ab"}
            if code != "it"
            else {code: text * count, "en": "ab", "fr": "ab"}
        )
        assert (code in survivors("length", row, max_chars=3)) is kept


def test_a_filter_from_outside_runs_under_its_name() -> None:
    @FILTERS.register("toy_shouting")
    def shouting(cells: Cells, config: CleaningConfig) -> Mask:
        return cells.by_language(lambda column, code: pc.utf8_is_upper(column.array).fill_null(False).to_numpy(False))

    rows, report = cleaned("toy_shouting", {"en": "GG", "fr": "bien joué", "de": "gut gespielt"})
    assert rows == [{"fr": "bien joué", "de": "gut gespielt"}]
    assert report.filters["toy_shouting"].dropped == {"en": 1}


def test_a_dropped_cell_has_no_voice_in_later_filters() -> None:
    row = {"en": "caf\ufffd 7", "de": "sieben 8", "fr": "sept 8"}
    table, _ = Cleaner(CleaningConfig(steps=["damage", "numbers"]), CODES).clean(table_of(row))
    assert table.num_rows == 1
    assert table["de"][0].as_py() == "sieben 8"


WORDS = [
    "привет",
    "hello",
    "สวัสดี",
    "你们好",
    "你們好",
    "こんにちは",
    "안녕",
    "7",
    "8",
    "{0}",
    "%s",
    "\ufffd",
    "aaaaaaaaaaaaaaaaaaa",
]
CELL = st.one_of(st.none(), st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join))
ROWS = st.lists(st.dictionaries(st.sampled_from(CODES), CELL, max_size=6), max_size=12)
CHEAP = CleaningConfig(steps=[step for step in STEPS if step != "language"])


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_counts_add_up(rows: list[Row]) -> None:
    table, report = Cleaner(CHEAP, CODES).clean(table_of(*rows))
    filters = list(report.filters.values())
    assert [entry.name for entry in filters] == CHEAP.steps
    for entry in filters:
        assert entry.cells_in - entry.dropped.total() - entry.stranded.total() == entry.cells_out
        assert len(entry.examples) <= 5
    for earlier, later in pairwise(filters):
        assert (earlier.rows_out, earlier.cells_out) == (later.rows_in, later.cells_in)
    assert filters[-1].rows_out == table.num_rows
    assert filters[-1].cells_out == sum(table.num_rows - table[code].null_count for code in CODES)
    assert all(sum(row[code] is not None for code in CODES) >= 2 for row in table.to_pylist())


@settings(max_examples=30, deadline=None)
@given(ROWS, st.integers(0, 12))
def test_report_of_parts_adds_up_to_the_report_of_the_whole(rows: list[Row], cut: int) -> None:
    table, cleaner = table_of(*rows), Cleaner(CHEAP, CODES)
    whole_table, whole = cleaner.clean(table)
    parts = [cleaner.clean(table.slice(0, cut)), cleaner.clean(table.slice(cut))]
    assert pa.concat_tables([part for part, _ in parts]).to_pylist() == whole_table.to_pylist()
    assert sum(report for _, report in parts).to_json() == whole.to_json()  # type: ignore[union-attr]


def test_examples_name_row_cell_and_neighbour() -> None:
    good = {"en": "Hello there", "ru": "Привет всем", "th": "สวัสดี"}
    rows = [good | {"de": f"Ошибка {index}"} for index in range(20)]
    random.Random(1).shuffle(rows)
    _, report = cleaned("script", *rows)
    examples = report.to_json()["filters"][0]["examples"]
    assert len(examples) == 5
    assert {"row_id", "language", "text", "other_language", "other_text"} == set(examples[0])
    assert examples[0]["other_text"] == "Hello there"
    json.dumps(report.to_json())


def test_other_columns_and_order_are_kept() -> None:
    table = table_of({"en": "Hello", "fr": "Salut"}, {"en": "Bye"}, {"en": "Thanks", "fr": "Merci"})
    clean, _ = Cleaner(CHEAP, ("en", "fr", "th")).clean(table)
    assert clean.column_names == table.column_names
    assert clean["row_id"].to_pylist() == ["row:0", "row:2"]


def test_a_table_without_some_languages_is_cleaned() -> None:
    table = table_of({"en": "Hello", "fr": "Salut"}).select(["row_id", "en", "fr"])
    assert Cleaner(CleaningConfig(), CODES).clean(table)[0].to_pylist() == table.to_pylist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": ["length", "length"]}, "named twice"),
        ({"max_chars": 0}, "max_chars=0: must be 1 or more"),
    ],
)
def test_bad_settings_are_refused_in_one_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CleaningConfig(**changes)  # type: ignore[arg-type]


def test_an_unknown_filter_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown filter 'normalize'; choose normalise"):
        Cleaner(CleaningConfig(steps=["normalize"]), CODES)


def test_a_table_without_row_ids_is_refused() -> None:
    with pytest.raises(InputError, match="row_id"):
        Cleaner(CleaningConfig(), CODES).clean(pa.table({"en": ["a"], "fr": ["b"]}))
