"""The teacher's translations as training data: shards of bounded work, the same whoever does them, in their share."""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distillation.config import SequenceTargetsConfig
from distillation.targets import message_selection, sequence_targets
from distillation.targets.batches import training_batches
from distillation.targets.message_selection import make_shards, messages_of
from distillation.targets.sequence_targets import SequenceTargetsStage, SequenceTargetsStageConfig
from parley.corpus.store import Corpus, write_shard
from parley.pipeline.errors import InputError
from parley.pipeline.shards import merge_shards, remove_shards, run_one_shard
from tests.distillation.toy_teacher import toy_inputs
from training.batches.encoded import EncodedCorpus
from training.batches.one_way import SYNTHETIC
from training.batches.stream import BatchingConfig
from training.model.loading import Translator
from training.tokenizer import SPECIAL_TOKENS

CONFIG = SequenceTargetsConfig(messages=12, beam_size=2)
BATCHING = BatchingConfig(batch_tokens=200, max_length=64)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The toy corpus in two shards."""
    found = toy_inputs(tmp_path_factory.mktemp("toy"))
    (path,) = found["corpus"].glob("shard-*.parquet")
    table = pq.read_table(path)
    for number in range(2):
        write_shard(table.slice(number * 150, 150), found["corpus"] / f"shard-{number:05d}.parquet")
    return found


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_selection, "SHARD_MESSAGES", 8)


def stage(config: SequenceTargetsConfig = CONFIG) -> SequenceTargetsStage:
    return SequenceTargetsStage(SequenceTargetsStageConfig(config, seed=3))


def selected(inputs: dict[str, Path], config: SequenceTargetsConfig = CONFIG) -> list[tuple[str, str]]:
    corpus = Corpus.open(inputs["corpus"])
    return [message for shard in make_shards(corpus, config) for message in messages_of(shard, corpus, 3)]


@pytest.fixture(scope="module")
def written(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sequences")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(message_selection, "SHARD_MESSAGES", 8)
        patch.setattr(sequence_targets, "NOISE", {"typos": 0.7})
        facts = stage().run(out, inputs)
    assert 40 <= facts["messages"] <= 4 * 12  # random weights say nothing now and then
    return out


def test_every_direction_that_is_not_withheld_gets_its_messages(inputs: dict[str, Path]) -> None:
    found = selected(inputs)
    assert Counter(name for name, _ in found) == dict.fromkeys(("en-fr", "fr-en", "en-th", "th-en"), 12)
    assert len(set(found)) > 40  # drawn without repeating a row
    assert found == selected(inputs)


def test_shards_are_of_one_part_and_bounded(inputs: dict[str, Path]) -> None:
    shards = stage().shards(inputs)
    sizes = [sum(one["stop"] - one["start"] for one in shard.task["portions"]) for shard in shards]
    assert max(sizes) <= 8
    assert sum(sizes) == 48
    assert {shard.task["number"] for shard in shards} == {0, 1}


def test_all_messages_can_be_asked_for(inputs: dict[str, Path]) -> None:
    found = selected(inputs, replace(CONFIG, messages=10**6))
    train = Corpus.open(inputs["corpus"]).cells("en", "train")
    assert Counter(name for name, _ in found)["en-fr"] == train


def test_the_same_bytes_whoever_does_the_shards_and_in_whatever_order(
    inputs: dict[str, Path], written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence_targets, "NOISE", {"typos": 0.7})
    for shard in reversed(stage().shards(inputs)):
        run_one_shard(stage(), shard, tmp_path, inputs)
    merge_shards(stage(), tmp_path, inputs)
    remove_shards(tmp_path)
    names = sorted(path.name for path in written.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    assert all((tmp_path / name).read_bytes() == (written / name).read_bytes() for name in names)


def test_a_killed_stage_goes_on_with_the_missing_shards(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    original = SequenceTargetsStage.run_shard

    def dying(self: SequenceTargetsStage, shard: Any, out: Path, given: Any) -> None:
        if len(done) == 2:
            done.append("killed")
            raise KeyboardInterrupt
        original(self, shard, out, given)
        done.append(shard.name)

    monkeypatch.setattr(SequenceTargetsStage, "run_shard", dying)
    monkeypatch.setattr(sequence_targets, "NOISE", {"typos": 0.7})
    with pytest.raises(KeyboardInterrupt):
        stage().run(tmp_path, inputs)
    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == done[:2]
    stage().run(tmp_path, inputs)
    assert [name for name in done if name != "killed"] == [shard.name for shard in stage().shards(inputs)]


def test_targets_are_the_teachers_words_and_sources_the_rough_ones(inputs: dict[str, Path], written: Path) -> None:
    rows = pq.read_table(written / "rows.parquet")
    assert set(rows["origin"].to_pylist()) == {"teacher"}
    clean = {text for _, text in selected(inputs)}
    changed = [text for text in rows["source_text"].to_pylist() if text not in clean]
    assert 0.3 < len(changed) / rows.num_rows < 0.9
    encoded = EncodedCorpus.open(written)
    source = rows["direction"][0].as_py().split("-")[0]
    assert len(encoded.tokens(source, 0)) > 0


def test_they_make_their_share_of_the_messages_in_their_own_direction(inputs: dict[str, Path], written: Path) -> None:
    encoded = EncodedCorpus.open(inputs["encoded"])
    given = {**inputs, "sequence_targets": written}
    stream = training_batches(given, encoded, 0.25, BATCHING)
    assert sum(direction.probability for direction in stream.synthetic.values()) == pytest.approx(0.25)
    for batch, _ in zip(stream, range(30), strict=False):
        pairs = set(zip(batch.source_language.tolist(), batch.target_language.tolist(), strict=True))
        assert all(SPECIAL_TOKENS.index("__en__") in tags for tags in pairs)
    alone = training_batches(inputs, encoded, 0.25, BATCHING)
    assert not alone.synthetic


def test_monolingual_text_is_translated_too(inputs: dict[str, Path], tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("heal wait\n\nrun up\n")
    config = replace(CONFIG, messages=10**6, monolingual={"en": str(lines)})
    plain, more = (selected(inputs, one) for one in (replace(config, monolingual={}), config))
    assert Counter(more) - Counter(plain) == {
        (name, text): 1 for name in ("en-fr", "en-th") for text in ("heal wait", "run up")
    }
    assert stage(config).files() == [lines]
    broken = replace(config, monolingual={"en": str(tmp_path / "absent.txt")})
    with pytest.raises(InputError, match=r"distillation\.sequences\.monolingual: .*absent"):
        selected(inputs, broken)


def test_without_them_the_rows_that_the_teacher_learnt_from_stand_in_their_place(
    inputs: dict[str, Path], written: Path, tmp_path: Path
) -> None:
    teacher = tmp_path / "round_1"
    shutil.copytree(written, teacher / SYNTHETIC)
    encoded = EncodedCorpus.open(inputs["encoded"])
    folders = {**inputs, "teacher": teacher}
    directions = training_batches(folders, encoded, 0.5, BATCHING).synthetic
    assert directions.keys() == set(EncodedCorpus.open(written).fact("direction").to_pylist())
    assert sum(direction.probability for direction in directions.values()) == pytest.approx(0.5)
    assert not training_batches(folders, encoded, 0.0, BATCHING).synthetic
    assert not training_batches(inputs, encoded, 0.5, BATCHING).synthetic


def test_a_teacher_that_says_nothing_is_one_clear_line(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Translator, "translate_many", lambda self, texts, *_: [""] * len(texts))
    with pytest.raises(InputError, match="translated nothing"):
        stage().run(tmp_path, inputs)
    assert pa.types.is_string(pq.read_schema(tmp_path / "shards" / "000000" / "rows.parquet").field("direction").type)
