"""Encoded corpus: the same ids as the tokenizer gives, found again by row and language."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from parley.corpus import store
from parley.pipeline.errors import InputError
from parley.pipeline.shards import run_one_shard
from parley.pipeline.stage import Shard
from tests.training.chat_corpus import chat_rows, write_corpus
from training.batches.encoded import EncodedCorpus
from training.batches.encoding import EncodedConfig, EncodedStage
from training.tokenizer import TokenizerConfig, load_tokenizer, vocabulary_digest
from training.tokenizer_stage import TokenizerStage

COLUMNS = chat_rows()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    corpus = write_corpus(folder / "corpus", COLUMNS, withheld=["fr-th"])
    TokenizerStage(TokenizerConfig(vocab_size=700)).run(folder / "tokenizer", {"corpus": corpus})
    return {"corpus": corpus, "tokenizer": folder / "tokenizer"}


@pytest.fixture(scope="module")
def encoded(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    out = tmp_path_factory.mktemp("encoded")
    EncodedStage(EncodedConfig()).run(out, inputs)
    return EncodedCorpus.open(out)


def test_cells_hold_the_tokens_of_their_text(encoded: EncodedCorpus, inputs: dict[str, Path]) -> None:
    tokenizer = load_tokenizer(inputs["tokenizer"])
    for code in encoded.languages:
        for row, text in enumerate(COLUMNS[code]):
            wanted = tokenizer(text or "", add_special_tokens=False)["input_ids"]
            assert encoded.tokens(code, row).tolist() == wanted
            assert encoded.lengths(code)[row] == len(wanted)


def test_small_vocabularies_take_two_bytes_a_token(encoded: EncodedCorpus) -> None:
    assert encoded.dtype == "uint16"
    assert (encoded.directory / "en.tokens.bin").stat().st_size == 2 * encoded.lengths("en").sum()


def test_pair_rows_have_both_languages_in_the_split(encoded: EncodedCorpus) -> None:
    rows = encoded.pair_rows("fr", "th", "dev")
    wanted = [row for row in range(240) if COLUMNS["split"][row] == "dev" and COLUMNS["fr"][row] and COLUMNS["th"][row]]
    assert rows.tolist() == wanted
    assert rows.dtype == np.int32


def test_rows_keep_their_facts(encoded: EncodedCorpus, inputs: dict[str, Path]) -> None:
    assert encoded.fact("row_id").to_pylist() == COLUMNS["row_id"]
    assert encoded.rows("dev").tolist() == [row for row in range(240) if COLUMNS["split"][row] == "dev"]
    assert encoded.withheld_pairs == ("fr-th",)
    assert encoded.pairs_withheld() == {frozenset(("fr", "th"))}
    assert encoded.vocabulary_digest == vocabulary_digest(load_tokenizer(inputs["tokenizer"]))


def test_shards_are_joined_and_a_killed_run_goes_on_with_the_missing_ones(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = EncodedStage(EncodedConfig())
    whole = stage.run(tmp_path / "whole", inputs)
    monkeypatch.setattr(store, "SHARD_ROWS", 70)
    parts = inputs | {"corpus": write_corpus(tmp_path / "corpus", COLUMNS, withheld=["fr-th"])}
    shards = stage.shards(parts)
    assert len(shards) == 4
    run_one_shard(stage, shards[2], tmp_path / "parts", parts)
    monkeypatch.setattr(stage, "run_shard", fails_on(shards[2], stage.run_shard))
    assert stage.run(tmp_path / "parts", parts) == whole
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == sorted(
        path.name for path in (tmp_path / "parts").iterdir()
    )
    for path in (tmp_path / "whole").glob("*.[bnj]*"):  # how Parquet cuts its groups does not matter
        assert path.read_bytes() == (tmp_path / "parts" / path.name).read_bytes()


def fails_on(done: Shard, run: Callable[..., None]) -> Callable[..., None]:
    def run_shard(shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        assert shard != done, "a finished shard ran again"
        run(shard, out, inputs)

    return run_shard


def test_bad_folders_splits_and_languages_are_named(encoded: EncodedCorpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}: not an encoded corpus"):
        EncodedCorpus.open(tmp_path)
    with pytest.raises(InputError, match="no rows in split 'test'"):
        encoded.rows("test")
    with pytest.raises(InputError, match="no language 'ko'"):
        encoded.lengths("ko")
    with pytest.raises(InputError, match="unknown language code 'xx'"):
        encoded.lengths("xx")


def test_truncated_tokens_are_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    EncodedStage(EncodedConfig()).run(tmp_path, inputs)
    path = tmp_path / "en.tokens.bin"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"en\.tokens\.bin: truncated"):
        EncodedCorpus.open(tmp_path).lengths("en")
