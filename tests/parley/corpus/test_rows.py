"""Corpus rows from a reader's tables."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.corpus.rows import complete, normalised
from parley.corpus.source_config import SourceConfig
from parley.pipeline.errors import InputError

SOURCE = SourceConfig(path="a", name="chat", origin="human")
CODES = ["en", "fr", "th"]


def test_every_column_is_there() -> None:
    table = pa.table({"fr": ["oui", "non"], "en": ["yes", None], "de": ["ja", "nein"]})
    found = complete(table, SOURCE, CODES)
    assert found.column_names == ["row_id", "domain", "split", "origin", "en", "fr", "th"]
    assert found.num_rows == 1
    row = found.to_pylist()[0]
    assert row.pop("row_id").startswith("chat:")
    assert row == {"domain": "chat", "split": None, "origin": "human", "en": "yes", "fr": "oui", "th": None}


def test_ids_do_not_depend_on_chosen_languages_or_place() -> None:
    table = pa.table({"en": ["yes", "no"], "fr": ["oui", "non"], "de": ["ja", "nein"]})
    ids = complete(table, SOURCE, ["en", "fr"])["row_id"].to_pylist()
    assert complete(table, SOURCE, ["en", "de"])["row_id"].to_pylist() == ids
    assert complete(table.slice(1), SOURCE, ["en", "fr"])["row_id"].to_pylist() == ids[1:]


def test_own_columns_win() -> None:
    table = pa.table({"row_id": ["7"], "domain": ["menu"], "split": ["valid"], "en": ["yes"], "fr": ["oui"]})
    row = complete(table, SOURCE, CODES).to_pylist()[0]
    assert (row["row_id"], row["domain"], row["split"]) == ("7", "menu", "dev")


def test_an_unknown_split_is_named() -> None:
    table = pa.table({"row_id": ["6", "7"], "split": ["train", "held"], "en": ["a", "b"], "fr": ["c", "d"]})
    with pytest.raises(InputError, match="source 'chat': row 7 has unknown split 'held'; known: train dev test"):
        complete(table, SOURCE, CODES)


def test_an_empty_row_id_is_refused() -> None:
    table = pa.table({"row_id": ["6", None], "en": ["a", "b"], "fr": ["c", "d"]})
    with pytest.raises(InputError, match="a row without row_id"):
        complete(table, SOURCE, CODES)


@given(st.text())
def test_text_is_nfc_without_breaks(text: str) -> None:
    found = normalised(pa.chunked_array([[text]])).to_pylist()[0]
    if found is not None:
        assert found == unicodedata.normalize("NFC", found)
        assert len(found.splitlines()) <= 1
        assert found == found.strip()
    else:
        assert not any(character.isalnum() for character in text)
