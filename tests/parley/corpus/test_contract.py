"""Contracts: what is refused, what passes, what is remembered."""

from pathlib import Path

import pytest

from parley.corpus.contract import ContractBook, Shape, differences
from parley.corpus.source_config import SourceConfig
from parley.pipeline.errors import InputError

BEFORE = Shape({"en": "string", "fr": "string", "score": "double"}, ["en", "fr"], 100)


def test_additions_are_no_difference() -> None:
    after = Shape({**BEFORE.columns, "th": "string"}, ["en", "fr", "th"], 120)
    assert differences(BEFORE, after) == []


def test_losses_are_all_listed() -> None:
    after = Shape({"en": "string", "score": "string"}, ["en"], 99, "latin-1")
    assert differences(BEFORE, after) == [
        "column 'fr' is gone",
        "column 'score' was double, now string",
        "language 'fr' is gone",
        "encoding was utf-8, now latin-1",
        "100 rows became 99",
    ]


def test_an_unknown_row_count_is_no_difference() -> None:
    assert differences(BEFORE, Shape(BEFORE.columns, BEFORE.languages, None)) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (SourceConfig(name="chat", min_rows=101), "100 rows, but its contract says at least 101"),
        (SourceConfig(name="chat", languages=["en", "th"]), "no text in declared language 'th'; it has: en fr"),
        (SourceConfig(name="chat", types={"score": "float"}), "column 'score' is double, declared float"),
        (SourceConfig(name="chat", types={"rank": "int64"}), "no column 'rank'; it has: en fr score"),
    ],
)
def test_the_declaration_is_held(source: SourceConfig, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        ContractBook(None).check(source, BEFORE)


def test_shapes_survive_between_runs(tmp_path: Path) -> None:
    path = str(tmp_path / "runs" / "contracts.json")
    chat = SourceConfig(name="chat")
    ContractBook.open(path).record({"chat": BEFORE})
    ContractBook.open(path).check(chat, BEFORE)
    fewer = Shape(BEFORE.columns, BEFORE.languages, 50)
    with pytest.raises(InputError, match="source 'chat' changed since the last run: 100 rows became 50"):
        ContractBook.open(path).check(chat, fewer)
    accepted = ContractBook.open(path, accept_changes=True)
    accepted.check(chat, fewer)
    accepted.record({"chat": fewer, "news": BEFORE})
    assert ContractBook.open(path).shapes == {"chat": fewer, "news": BEFORE}


def test_a_damaged_book_is_named(tmp_path: Path) -> None:
    (tmp_path / "contracts.json").write_text("{")
    with pytest.raises(InputError, match=r"contracts\.json: not a file of source contracts"):
        ContractBook.open(str(tmp_path / "contracts.json"))
