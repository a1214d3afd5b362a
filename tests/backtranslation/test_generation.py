"""Sharded generation: the same whatever the processes, each text translated once, and never twice after a stop."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backtranslation.config import BacktranslationConfig
from backtranslation.generation import Shard, generate, make_shards, read_shards
from backtranslation.selection import select
from parley.corpus.store import Corpus
from parley.languages.identification import LanguageIdentifier
from parley.pipeline.errors import InputError
from tests.backtranslation.examples import NumberTranslator, OneTranslator, corpus_folder
from tests.training.chat_corpus import chat_message

CONFIG = BacktranslationConfig(pairs=["fr-th"], uses=["back", "forward"], candidates=80)
DETECTOR = LanguageIdentifier()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.open(corpus_folder(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="module")
def selected(corpus: Corpus) -> pa.Table:
    return select(corpus, CONFIG.generated(1))


@pytest.fixture(scope="module")
def shards(selected: pa.Table) -> list[Shard]:
    return make_shards(selected, 20, seed=1)[0]


def test_each_translation_is_made_once(selected: pa.Table) -> None:
    shards, places = make_shards(selected, 20, seed=1)
    assert selected.num_rows == 160
    assert sum(len(shard.texts) for shard in shards) == 80, "back and forward share theirs"
    keys = [key for shard in shards for key in zip(shard.texts, shard.languages, shard.synthetic, strict=True)]
    wanted = zip(
        *(selected[n].to_pylist() for n in ("original", "original_language", "synthetic_language")), strict=True
    )
    assert [keys[place] for place in places] == list(wanted)
    assert {shard.digest for shard in make_shards(selected, 20, seed=1)[0]} == {shard.digest for shard in shards}


def test_a_shard_is_searched_or_sampled(corpus: Corpus) -> None:
    config = replace(
        CONFIG, pairs=["fr-th", "en-th"], generation=replace(CONFIG.generation, beam_under=100), candidates=30
    )
    shards, _ = make_shards(select(corpus, config.generated(1)), 20, seed=1)
    assert [shard.decoding for shard in shards] == sorted(shard.decoding for shard in shards)
    assert {shard.decoding for shard in shards} == {"beam", "sampling"}
    for shard in shards:
        assert {code in ("en",) for code in (*shard.languages, *shard.synthetic)} >= {shard.decoding == "sampling"}


def test_round_trips_are_scored(shards: list[Shard], tmp_path: Path) -> None:
    first = shards[0].texts[0]
    number = int(first.split()[-1])
    translators = OneTranslator(NumberTranslator({number: "garbage"}, wrong_into=("fr", "th")))
    generate(shards, tmp_path, translators, DETECTOR)
    table, seconds = read_shards(shards, tmp_path)
    assert table.num_rows == 80
    assert seconds > 0
    for text, row in zip([text for shard in shards for text in shard.texts], table.to_pylist(), strict=True):
        broken = int(text.split()[-1]) == number
        assert (row["round_trip"] != text) == broken
        assert row["round_trip_chrf"] < 20 if broken else row["round_trip_chrf"] == 100


def test_a_stopped_run_decodes_nothing_twice(shards: list[Shard], tmp_path: Path) -> None:
    first = OneTranslator(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        generate(shards, tmp_path, first, DETECTOR)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert sorted(times) == ["shard-00000.parquet", "shard-00001.parquet"]
    second = OneTranslator()
    generate(shards, tmp_path, second, DETECTOR)
    assert [number for _, number in second.asked] == [2, 3]
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in times} == times
    whole = tmp_path / "whole"
    generate(shards, whole, OneTranslator(), DETECTOR)
    assert read_shards(shards, tmp_path)[0].equals(read_shards(shards, whole)[0])


def test_processes_share_the_shards_out(shards: list[Shard], tmp_path: Path) -> None:
    for rank in range(3):
        mine = OneTranslator()
        generate(shards[rank::3], tmp_path, mine, DETECTOR)
        assert [number for _, number in mine.asked] == list(range(rank, len(shards), 3))
    alone = tmp_path / "alone"
    generate(shards, alone, OneTranslator(), DETECTOR)
    assert read_shards(shards, tmp_path)[0].equals(read_shards(shards, alone)[0])


def test_files_of_other_texts_or_half_a_file_are_made_again(shards: list[Shard], tmp_path: Path) -> None:
    generate(shards, tmp_path, OneTranslator(), DETECTOR)
    shards[0].path(tmp_path).write_bytes(shards[0].path(tmp_path).read_bytes()[:100])
    other = replace(shards[1], texts=[chat_message("th", 3) for _ in shards[1].texts])
    assert [shard.done(tmp_path) for shard in (shards[0], other, shards[2])] == [False, False, True]
    with pytest.raises(InputError, match=r"shard-00000\.parquet: missing or made from other texts"):
        read_shards(shards, tmp_path)
    translators = OneTranslator()
    generate(shards, tmp_path, translators, DETECTOR)
    assert [number for _, number in translators.asked] == [0]


def test_progress_says_how_fast_it_is(
    shards: list[Shard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("parley.pipeline.progress.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("parley.pipeline.progress.LINE_SECONDS", 0.0)
    said: list[Any] = []
    monkeypatch.setattr("parley.pipeline.progress.say", said.append)
    generate(shards, tmp_path, OneTranslator(NumberTranslator(dict.fromkeys(range(100), "empty"))), DETECTOR)
    assert "translate there and back" in said[0]
    assert "messages/s" in said[0]
    assert "s left" in said[0]
    assert "160/160 (100%)" in said[-1], "empty texts count as well"


def test_metadata_stays_out_of_the_joined_table(shards: list[Shard], tmp_path: Path) -> None:
    generate(shards, tmp_path, OneTranslator(), DETECTOR)
    assert pq.read_schema(shards[0].path(tmp_path)).metadata[b"digest"].decode() == shards[0].digest
    assert read_shards(shards, tmp_path)[0].schema.metadata is None
