"""The store: shards, counts, reading back."""

from pathlib import Path

import pyarrow as pa
import pytest

from parley.corpus import store
from parley.corpus.counts import added, count
from parley.corpus.rows import corpus_schema
from parley.corpus.store import Corpus, filled, write_corpus, write_shards
from parley.pipeline.errors import InputError
from tests.parley.corpus.whole import whole

CODES = ["en", "fr", "th"]
ROWS = [
    {"row_id": "1", "domain": "game", "split": "train", "origin": "human", "en": "a", "fr": "b", "th": None},
    {"row_id": "2", "domain": "game", "split": "train", "origin": "human", "en": "c", "fr": "d", "th": "e"},
    {"row_id": "3", "domain": "chat", "split": "dev", "origin": "human", "en": "f", "fr": "g", "th": "h"},
]
TABLE = pa.Table.from_pylist(ROWS, schema=corpus_schema(CODES))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "SHARD_ROWS", 2)
    write_corpus(TABLE, tmp_path, ["fr-th"])
    return tmp_path


def test_counts() -> None:
    found = count(TABLE, CODES)
    assert found["rows"] == {"train": 2, "dev": 1, "test": 0}
    assert found["languages"]["th"] == {"train": 1, "dev": 1, "test": 0}
    assert found["pairs"] == {"en-fr": 2, "en-th": 1, "fr-th": 1}
    assert found["domains"] == {"chat": 1, "game": 2}


def test_counts_of_parts_add_up() -> None:
    assert added(count(TABLE.slice(0, 1), CODES), count(TABLE.slice(1), CODES)) == count(TABLE, CODES)


def test_rows_come_back_in_order(folder: Path) -> None:
    corpus = Corpus.open(folder)
    assert len(list(folder.glob("shard-*.parquet"))) == 2
    assert whole(corpus).equals(TABLE)
    assert whole(corpus, "train", ["th", "en"]).to_pydict() == {"th": [None, "e"], "en": ["a", "c"]}
    assert whole(corpus, "dev", ["row_id", "split"]).to_pylist() == [{"row_id": "3", "split": "dev"}]


def test_one_shard_some_rows_and_single_cells(folder: Path) -> None:
    corpus = Corpus.open(folder)
    assert corpus.shards == 2
    assert [row["row_id"] for batch in corpus.scan(["row_id"], shard=1) for row in batch.to_pylist()] == ["3"]
    assert corpus.sample(["en"], where=filled("en", "th"))["en"].to_pylist() == ["c"]
    assert corpus.held_out("dev", ["fr"])["fr"].to_pylist() == ["g"]
    assert corpus.take([0, 2], "fr") == ["b", "g"]
    assert corpus.cells("th", "train") == 1


def test_facts(folder: Path) -> None:
    corpus = Corpus.open(str(folder))
    assert corpus.languages == CODES
    assert corpus.pairs["en-fr"] == 2
    assert corpus.withheld_pairs == ["fr-th"]
    assert corpus.domains == ["chat", "game"]


def test_the_digest_is_that_of_the_rows(tmp_path: Path) -> None:
    assert write_shards(TABLE, tmp_path) == write_shards(TABLE, tmp_path)
    assert write_shards(TABLE, tmp_path) != write_shards(TABLE.slice(1), tmp_path)


def test_bad_questions(folder: Path, tmp_path: Path) -> None:
    corpus = Corpus.open(folder)
    with pytest.raises(InputError, match="no column 'de'; it has: row_id"):
        whole(corpus, "train", ["de"])
    with pytest.raises(InputError, match="unknown split 'valid'"):
        whole(corpus, "valid")
    with pytest.raises(InputError, match="not a corpus folder"):
        Corpus.open(tmp_path / "nowhere")


def test_a_broken_shard_is_named(folder: Path) -> None:
    corpus = Corpus.open(folder)
    shard = folder / "shard-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"shard-00001\.parquet: broken shard"):
        whole(corpus)
