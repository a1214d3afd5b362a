"""A glossary as a source: term rows, a row for each further form, and sentences that carry the terms."""

from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from tests.parley.corpus.sources.conftest import Opened, rows


def test_terms_variants_and_carriers_are_rows_of_train(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.csv").write_text("term_id,en,de,variants\nloot,loot,Beute,de:Beuten\n", encoding="utf-8")
    found = rows(opened("glossary", "a.csv"))
    name = found[0]["row_id"].rpartition(":")[0]
    assert all((row["split"], row["origin"]) == ("train", "glossary") for row in found)
    assert [(row["row_id"], row["domain"], row["en"], row["de"]) for row in found[:3]] == [
        (f"{name}:loot", "term", "loot", "Beute"),
        (f"{name}:loot~1", "term", "loot", "Beuten"),
        (f"{name}:loot events.winner_is", "carrier", "The winner is loot!", "Der Sieg geht an Beute!"),
    ]
    assert len(found) == 5


def test_without_a_file_it_says_what_to_give(opened: Opened) -> None:
    with pytest.raises(InputError, match="no file of terms; give one, such as glossary=terms"):
        opened("glossary", "").head()
    assert len(opened("demo_glossary", "").head().languages) == 16


def test_a_wrong_glossary_stops_the_corpus(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "a.csv").write_text("term_id,en,de\nloot,loot,<b>Beute</b>\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2: de '<b>Beute</b>': markup in a term"):
        opened("glossary", "a.csv").head()
