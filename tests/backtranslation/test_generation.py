"""There and back: each text translated once, in shards that can be translated apart, scored against the original."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backtranslation import generation, selection
from backtranslation.config import BacktranslationConfig
from backtranslation.generation import TEXTS, shard_count, translate_shard, write_texts
from backtranslation.selection import select
from parley.corpus.store import Corpus
from parley.languages.identification import LanguageIdentifier
from tests.backtranslation.examples import NumberTranslator, OneTranslator, corpus_folder

CONFIG = BacktranslationConfig(pairs=["fr-th"], uses=["back", "forward"], candidates=80)
DETECTOR = LanguageIdentifier()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "SHARD_TEXTS", 20)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.open(corpus_folder(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="module")
def selected(corpus: Corpus) -> pa.Table:
    return select(corpus, CONFIG.selection(1))


def test_each_translation_is_made_once(selected: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "texts.parquet"
    places = write_texts(path, selected, seed=1)
    texts = pq.read_table(path)
    assert selected.num_rows == 160
    assert texts.num_rows == 80, "back and forward share theirs"
    assert shard_count(path) == 4
    assert texts.take(places).equals(selected.select(TEXTS.names).combine_chunks().cast(TEXTS))


def test_a_shard_is_searched_or_sampled(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "BEAM_UNDER", 100)
    config = BacktranslationConfig(pairs=["fr-th", "en-th"], uses=["back", "forward"], candidates=30)
    write_texts(tmp_path / "texts.parquet", select(corpus, config.selection(1)), seed=1)
    file = pq.ParquetFile(tmp_path / "texts.parquet")
    kinds = [file.read_row_group(n)["decoding"].unique().to_pylist() for n in range(file.num_row_groups)]
    assert sorted(kinds) == kinds, "beam first"
    assert {kind for [kind] in kinds} == {"beam", "sampling"}


def test_round_trips_are_scored(selected: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "texts.parquet"
    write_texts(path, selected, seed=1)
    originals = pq.ParquetFile(path).read_row_group(1)["original"].to_pylist()
    number = int(originals[0].split()[-1])
    translators = OneTranslator(NumberTranslator({number: "garbage"}, wrong_into=("fr", "th")))
    table = translate_shard(path, 1, translators, DETECTOR)
    assert translators.asked == [("beam", 1)]
    assert float(table.schema.metadata[b"seconds"]) > 0
    for text, row in zip(originals, table.to_pylist(), strict=True):
        broken = int(text.split()[-1]) == number
        assert (row["round_trip"] != text) == broken
        assert row["round_trip_chrf"] < 20 if broken else row["round_trip_chrf"] == 100
