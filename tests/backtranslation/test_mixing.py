"""Mixing: synthetic rows are used one way only, tagged, at the ratio asked for, and never more often than allowed."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest

from backtranslation.candidates import SCHEMA
from backtranslation.config import MixingConfig
from backtranslation.mixing import direction_ratios, expected_messages, mixture, shared_out, short_chunks, write_store
from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from tests.backtranslation.toy_candidates import candidate, candidates
from tests.training.toy_corpus import make_inputs
from training.batches.batch import Batch
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig, BatchStream, OneWay
from training.loop.config import TrainingConfig
from training.tokenizer import load_tokenizer, tag_ids

BATCHING = BatchingConfig(batch_tokens=256, max_length=64, chunk_batches=20, seed=3)
TRAINING = TrainingConfig(max_updates=200, update_tokens=1)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_inputs(tmp_path_factory.mktemp("mixing"))


@pytest.fixture(scope="module")
def encoded(folders: dict[str, Path]) -> EncodedCorpus:
    return EncodedCorpus.open(folders["encoded"])


@pytest.fixture(scope="module")
def synthetic(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    out = tmp_path_factory.mktemp("store")
    return write_store(out, candidates(60), load_tokenizer(folders["tokenizer"]), "bt")


def counted(batches: list[Batch]) -> Counter[str]:
    pairs = [
        (int(source), int(target))
        for batch in batches
        for source, target in zip(batch.source_language, batch.target_language, strict=True)
    ]
    return Counter(f"{CODES[source]}-{CODES[target]}" for source, target in pairs)


def stream(encoded: EncodedCorpus, one_way: OneWay | None, rank: int = 0, world: int = 1) -> BatchStream:
    return BatchStream(encoded, BATCHING, "train", rank, world, one_way)


def test_the_ratio_is_met(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    found = stream(encoded, OneWay(synthetic, {"fr-th": 0.5, "th-fr": 0.25}))
    batches = counted(list(islice(iter(found), 400)))
    forth, back = batches.pop("fr-th"), batches.pop("th-fr")  # the pair is withheld: all of these are synthetic
    human = batches.total()
    assert forth / human == pytest.approx(0.5, rel=0.02)
    assert back / human == pytest.approx(0.25, rel=0.02)
    assert found.messages(found.state_dict()) == (human, {"fr-th": forth, "th-fr": back})


def test_a_row_is_used_one_way_only(encoded: EncodedCorpus, folders: dict[str, Path], tmp_path: Path) -> None:
    tokenizer = load_tokenizer(folders["tokenizer"])
    store = write_store(tmp_path, candidates(30, ["fr-th"]), tokenizer, "bt")
    found = stream(encoded, OneWay(store, {"fr-th": 1.0, "th-fr": 1.0}))
    batches = list(islice(iter(found), 60))
    assert "th-fr" not in counted(batches)
    [bt] = tag_ids(tokenizer, ["<bt>"])
    for batch in batches:
        synthetic = batch.target_language == CODES.index("th")
        synthetic &= batch.source_language == CODES.index("fr")
        tagged = batch.input_ids[:, 1].eq(bt)
        assert tagged.tolist() == synthetic.tolist(), "the tag stands right after the language"
        assert not batch.labels.eq(bt).any()


def test_the_stream_goes_on_where_it_was(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    one_way = OneWay(synthetic, {"fr-th": 0.5, "th-fr": 0.5}, max_repeats=3)
    whole = [batch.input_ids.tolist() for batch in islice(iter(stream(encoded, one_way)), 50)]
    first, second = stream(encoded, one_way), stream(encoded, one_way)
    list(islice(iter(first), 23))
    second.load_state_dict(first.state_dict())
    assert [batch.input_ids.tolist() for batch in islice(iter(second), 27)] == whole[23:]


def test_processes_share_one_plan(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    one_way = OneWay(synthetic, {"fr-th": 0.5}, max_repeats=3)
    whole = [batch.input_ids.tolist() for batch in islice(iter(stream(encoded, one_way)), 40)]
    parts = [[b.input_ids.tolist() for b in islice(iter(stream(encoded, one_way, rank, 2)), 20)] for rank in (0, 1)]
    assert [parts[index % 2][index // 2] for index in range(40)] == whole


def test_a_row_is_never_given_more_often_than_allowed(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    found = stream(encoded, OneWay(synthetic, {"fr-th": 2.0}, max_repeats=2))
    rows: Counter[tuple[int, ...]] = Counter()
    for batch in islice(iter(found), 300):
        chosen = (batch.source_language == CODES.index("fr")) & (batch.target_language == CODES.index("th"))
        rows.update(tuple(line) for line in batch.decoder_input_ids[chosen].tolist())
    assert sum(rows.values()) == 2 * 60, "each row twice, then no more"
    assert found.messages(found.state_dict())[1]["fr-th"] == 120


def test_without_synthetic_rows_the_plan_is_the_old_one(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    plain = [batch.input_ids.tolist() for batch in islice(iter(stream(encoded, None)), 20)]
    nothing = stream(encoded, OneWay(synthetic, {}))
    assert [batch.input_ids.tolist() for batch in islice(iter(nothing), 20)] == plain
    assert nothing.messages(nothing.state_dict())[1] == {}


@pytest.mark.parametrize(
    ("tag", "use", "number", "expected"),
    [
        ("bt", "back", 0, "<bt>"),
        ("bins", "back", 0, "<bt-low>"),
        ("bins", "pivot", 1, "<bt-mid>"),
        ("bins", "back", 2, "<bt-high>"),
        ("none", "back", 0, None),
        ("bt", "forward", 0, None),  # its source is real
    ],
)
def test_tags(tag: str, use: str, number: int, expected: str | None, folders: dict[str, Path], tmp_path: Path) -> None:
    tokenizer = load_tokenizer(folders["tokenizer"])
    row = candidate(number, "fr-th", use)
    store = write_store(tmp_path, pa.Table.from_pylist([row], schema=SCHEMA), tokenizer, tag)
    source, target = store.tokens("fr", 0).tolist(), store.tokens("th", 0).tolist()
    assert tokenizer.convert_ids_to_tokens(source[0]) == expected if expected else tokenizer.decode(source)
    assert tokenizer.decode(source[1:] if expected else source) == row["source_text"]
    assert tokenizer.decode(target) == row["target_text"]
    assert store.table["quality_bin"].to_pylist() == [row["quality_bin"]]


def test_an_old_vocabulary_has_no_quality_tags(folders: dict[str, Path], tmp_path: Path) -> None:
    text = (folders["tokenizer"] / "tokenizer.json").read_text(encoding="utf-8").replace("<bt-mid>", "<other>")
    (tmp_path / "old").mkdir()
    (tmp_path / "old/tokenizer.json").write_text(text, encoding="utf-8")
    config = (folders["tokenizer"] / "tokenizer_config.json").read_text(encoding="utf-8")
    (tmp_path / "old/tokenizer_config.json").write_text(config.replace("<bt-mid>", "<other>"), encoding="utf-8")
    with pytest.raises(InputError, match="no '<bt-mid>'"):
        write_store(tmp_path / "store", candidates(2), load_tokenizer(tmp_path / "old"), "bins")


def test_stores_of_another_vocabulary_are_refused(encoded: EncodedCorpus, tmp_path: Path) -> None:
    other = make_inputs(tmp_path / "other", ("en", "de", "ja", "ko"))
    store = write_store(tmp_path / "store", candidates(3), load_tokenizer(other["tokenizer"]), "bt")
    with pytest.raises(InputError, match="another vocabulary"):
        stream(encoded, OneWay(store, {"fr-th": 1.0}))


def test_shares_beyond_a_limit_go_to_the_others() -> None:
    assert shared_out(1.0, {"a": 1, "b": 1}, {"a": 0.2, "b": 5}) == pytest.approx({"a": 0.2, "b": 0.8})
    assert shared_out(1.0, {"a": 1, "b": 3}, {"a": 9, "b": 9}) == pytest.approx({"a": 0.25, "b": 0.75})
    assert shared_out(1.0, {"a": 1, "b": 1}, {"a": 0.1, "b": 0.2}) == pytest.approx({"a": 0.1, "b": 0.2})


def test_caps_and_repeats_limit_a_direction() -> None:
    rows = {"fr-th": 100, "th-fr": 100, "ko-pt": 100}
    free = direction_ratios(rows, MixingConfig(ratio=0.9, max_repeats=0), 2.0, 1e6)
    assert free == pytest.approx(dict.fromkeys(rows, 0.3))
    capped = direction_ratios(rows, MixingConfig(ratio=0.9, max_repeats=0, pair_caps={"th-fr": 0.2}), 2.0, 1e6)
    assert capped == pytest.approx({"fr-th": 0.1, "th-fr": 0.1, "ko-pt": 0.7})
    few = direction_ratios(rows, MixingConfig(ratio=1.0, max_repeats=4), 2.0, 12_000)
    human = 12_000 / (1 + sum(few.values()))
    assert all(ratio * human == pytest.approx(400) for ratio in few.values()), "four times each row in the whole round"


def test_a_budget_in_time_alone_is_not_thinned() -> None:
    assert expected_messages(TrainingConfig(max_minutes=5), BATCHING, 10.0) == float("inf")
    ratios = direction_ratios({"fr-th": 10}, MixingConfig(ratio=1.0, max_repeats=1), 2.0, float("inf"))
    assert ratios == pytest.approx({"fr-th": 1.0})
    assert short_chunks(BATCHING, TrainingConfig(max_minutes=5)) == BATCHING


def test_a_round_plans_several_chunks() -> None:
    assert short_chunks(BATCHING, replace(TRAINING, max_updates=40)).chunk_batches == 5
    assert expected_messages(TRAINING, BATCHING, 10.0) == pytest.approx(200 * 0.95 * 256 / 10)


def test_what_is_used_comes_close_to_what_is_wanted(encoded: EncodedCorpus, synthetic: EncodedCorpus) -> None:
    batching = short_chunks(BATCHING, TRAINING)
    one_way = mixture(encoded, synthetic, MixingConfig(ratio=1.0, max_repeats=4), batching, TRAINING)
    found = BatchStream(encoded, batching, one_way=one_way)
    list(islice(iter(found), TRAINING.max_updates))
    human, given = found.messages(found.state_dict())
    assert sum(given.values()) <= 4 * 120
    assert sum(given.values()) > 0.8 * 4 * 120, "the rows that may be shown are shown, over the whole round"
    assert human > sum(given.values())
