"""Mixing: synthetic rows are used one way only, tagged, at the ratio asked for."""

from collections import Counter
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest

from backtranslation.candidates import SCHEMA
from backtranslation.mixing import write_store
from parley.pipeline.errors import InputError
from tests.backtranslation.toy_candidates import candidate, candidates
from tests.training.toy_corpus import make_inputs
from training.batches.batch import Batch
from training.batches.encoded import EncodedCorpus
from training.batches.one_way import OneWay, mixture
from training.batches.stream import BatchingConfig, BatchStream
from training.tokenizer import SPECIAL_TOKENS, load_tokenizer, tag_ids

BATCHING = BatchingConfig(batch_tokens=256, max_length=64, seed=3)


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.batches.stream.CHUNK_BATCHES", 20)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_inputs(tmp_path_factory.mktemp("mixing"))


@pytest.fixture(scope="module")
def encoded(folders: dict[str, Path]) -> EncodedCorpus:
    return EncodedCorpus.open(folders["encoded"])


@pytest.fixture(scope="module")
def synthetic(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    out = tmp_path_factory.mktemp("store")
    return write_store(out, candidates(60), load_tokenizer(folders["tokenizer"]))


def counted(batches: list[Batch]) -> Counter[str]:
    tags = [pair for batch in batches for pair in zip(batch.source_language, batch.target_language, strict=True)]
    return Counter("-".join(SPECIAL_TOKENS[tag].strip("_") for tag in pair) for pair in tags)


def stream(encoded: EncodedCorpus, one_way: OneWay | None, rank: int = 0, world: int = 1) -> BatchStream:
    return BatchStream(encoded, BATCHING, "train", rank, world, one_way)


def test_the_ratio_is_met(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    found = stream(encoded, OneWay(synthetic, {"fr-th": 0.5, "th-fr": 0.25}))
    batches = counted(list(islice(iter(found), 400)))
    forth, back = batches.pop("fr-th"), batches.pop("th-fr")  # the pair is withheld: all of these are synthetic
    human = batches.total()
    assert forth / human == pytest.approx(0.5, rel=0.02)
    assert back / human == pytest.approx(0.25, rel=0.02)
    assert found.messages(found.state_dict())[:2] == (human, {"fr-th": forth, "th-fr": back})


def test_a_row_is_used_one_way_only(encoded: EncodedCorpus, folders: dict[str, Path], tmp_path: Path) -> None:
    tokenizer = load_tokenizer(folders["tokenizer"])
    store = write_store(tmp_path, candidates(30, ["fr-th"]), tokenizer)
    found = stream(encoded, OneWay(store, {"fr-th": 1.0, "th-fr": 1.0}))
    batches = list(islice(iter(found), 60))
    assert "th-fr" not in counted(batches)
    [bt] = tag_ids(tokenizer, ["<bt>"])
    for batch in batches:
        synthetic = batch.target_language == SPECIAL_TOKENS.index("__th__")
        synthetic &= batch.source_language == SPECIAL_TOKENS.index("__fr__")
        tagged = batch.input_ids[:, 1].eq(bt)
        assert tagged.tolist() == synthetic.tolist(), "the tag stands right after the language"
        assert not batch.labels.eq(bt).any()


def test_the_stream_goes_on_where_it_was(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    one_way = OneWay(synthetic, {"fr-th": 0.5, "th-fr": 0.5})
    whole = [batch.input_ids.tolist() for batch in islice(iter(stream(encoded, one_way)), 50)]
    first, second = stream(encoded, one_way), stream(encoded, one_way)
    list(islice(iter(first), 23))
    second.load_state_dict(first.state_dict())
    assert [batch.input_ids.tolist() for batch in islice(iter(second), 27)] == whole[23:]


def test_processes_share_one_plan(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    one_way = OneWay(synthetic, {"fr-th": 0.5})
    whole = [batch.input_ids.tolist() for batch in islice(iter(stream(encoded, one_way)), 40)]
    parts = [[b.input_ids.tolist() for b in islice(iter(stream(encoded, one_way, rank, 2)), 20)] for rank in (0, 1)]
    assert [parts[index % 2][index // 2] for index in range(40)] == whole


def test_without_synthetic_rows_the_plan_is_the_old_one(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    plain = [batch.input_ids.tolist() for batch in islice(iter(stream(encoded, None)), 20)]
    nothing = stream(encoded, OneWay(synthetic, {}))
    assert [batch.input_ids.tolist() for batch in islice(iter(nothing), 20)] == plain
    assert nothing.messages(nothing.state_dict())[1] == {}


@pytest.mark.parametrize(("use", "tagged"), [("back", True), ("pivot", True), ("forward", False)])
def test_a_synthetic_source_is_tagged(use: str, tagged: bool, folders: dict[str, Path], tmp_path: Path) -> None:
    tokenizer = load_tokenizer(folders["tokenizer"])
    row = candidate(0, "fr-th", use)
    store = write_store(tmp_path, pa.Table.from_pylist([row], schema=SCHEMA), tokenizer)
    source, target = store.tokens("fr", 0).tolist(), store.tokens("th", 0).tolist()
    assert (tokenizer.convert_ids_to_tokens(source[0]) == "<bt>") == tagged
    assert tokenizer.decode(source[1:] if tagged else source) == row["source_text"]
    assert tokenizer.decode(target) == row["target_text"]


def test_stores_of_another_vocabulary_are_refused(encoded: EncodedCorpus, tmp_path: Path) -> None:
    other = make_inputs(tmp_path / "other", ("en", "de", "ja", "ko"))
    store = write_store(tmp_path / "store", candidates(3), load_tokenizer(other["tokenizer"]))
    with pytest.raises(InputError, match="another vocabulary"):
        stream(encoded, OneWay(store, {"fr-th": 1.0}))


def test_directions_share_the_ratio_by_their_rows(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    one_way = mixture(synthetic, 1.0, 5.0)
    assert one_way.ratios == pytest.approx({"fr-th": 0.5, "th-fr": 0.5})
    found = stream(encoded, one_way)
    list(islice(iter(found), 200))
    human, given, _ = found.messages(found.state_dict())
    assert sum(given.values()) / human == pytest.approx(1.0, rel=0.02)
