"""Token-level targets on disk: what the teacher says, shard by shard, beside the batches of training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from distillation.config import TokenTargetsConfig
from distillation.targets import token_targets
from distillation.targets.batches import StreamWithTargets, training_batches
from distillation.targets.token_cache import TokenTargets, bytes_per_token
from distillation.targets.token_targets import SHARDS_OF_CHUNK, TokenTargetsStage, TokenTargetsStageConfig
from distillation.teacher import ask_teacher, load_teacher
from parley.pipeline.errors import InputError
from parley.pipeline.shards import merge_shards, remove_shards, run_one_shard, shard_folders
from tests.distillation.toy_teacher import toy_inputs
from tests.training.toy_corpus import make_inputs
from training.batches import stream as planning
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig

BATCHING = BatchingConfig(batch_tokens=300, max_length=64)
CONFIG = TokenTargetsStageConfig(
    TokenTargetsConfig(top_k=4), BATCHING, labels=2000, temperature=2.0, precision="fp32", device="cpu"
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return toy_inputs(tmp_path_factory.mktemp("toy"))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (planning, token_targets):
        monkeypatch.setattr(module, "CHUNK_BATCHES", 6)


def batches(inputs: dict[str, Path], rank: int = 0, world: int = 1) -> Any:
    return training_batches(inputs, EncodedCorpus.open(inputs["encoded"]), 0.0, BATCHING, rank, world)


def test_holds_what_the_teacher_says(inputs: dict[str, Path], tmp_path: Path) -> None:
    facts = TokenTargetsStage(CONFIG).run(tmp_path, inputs)
    assert facts["tokens"] == pytest.approx(CONFIG.labels, rel=0.3)
    assert facts["bytes"] == pytest.approx(facts["tokens"] * bytes_per_token(4, 480), rel=0.3)  # headers, counts
    cache = TokenTargets(tmp_path)
    assert len(cache) == facts["batches"]
    teacher = load_teacher(inputs["teacher"], torch.device("cpu"), torch.float32)
    for given, _ in zip(StreamWithTargets(batches(inputs), cache), range(len(cache)), strict=False):
        assert given.targets is not None
        wanted = ask_teacher(teacher, given.batch, 4, 2.0)
        total = given.targets.probabilities_TK.sum(1) + given.targets.tail_T
        torch.testing.assert_close(total, torch.ones_like(total))
        torch.testing.assert_close(given.targets.probabilities_TK, wanted.probabilities_TK, rtol=2e-3, atol=1e-4)
        assert (given.targets.ids_TK == wanted.ids_TK).float().mean() > 0.99


def test_the_same_bytes_whoever_does_the_shards_and_in_whatever_order(inputs: dict[str, Path], tmp_path: Path) -> None:
    stage = TokenTargetsStage(CONFIG)
    stage.run(tmp_path / "whole", inputs)
    shards = stage.shards(inputs)
    assert len(shards) > SHARDS_OF_CHUNK  # of more than one chunk
    run_one_shard(stage, shards[2], tmp_path / "parts", inputs)
    first = shard_folders(tmp_path / "parts")[0] / "ids.npy"
    before = first.stat().st_mtime_ns
    for shard in reversed(shards):
        run_one_shard(stage, shard, tmp_path / "parts", inputs)
    assert first.stat().st_mtime_ns == before
    merge_shards(stage, tmp_path / "parts", inputs)
    remove_shards(tmp_path / "parts")
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert all((tmp_path / "parts" / n).read_bytes() == (tmp_path / "whole" / n).read_bytes() for n in names)


def test_goes_round_and_resumes(inputs: dict[str, Path], tmp_path: Path) -> None:
    TokenTargetsStage(CONFIG).run(tmp_path, inputs)
    cache = TokenTargets(tmp_path)
    count = len(cache)
    taken = [given for given, _ in zip(StreamWithTargets(batches(inputs), cache), range(2 * count + 3), strict=False)]
    assert torch.equal(taken[count + 2].batch.labels, taken[2].batch.labels)
    first, second = StreamWithTargets(batches(inputs), cache), StreamWithTargets(batches(inputs), cache)
    for _ in zip(first, range(count + 2), strict=False):
        state = first.state_dict()
    second.load_state_dict(state)
    assert torch.equal(next(iter(second)).batch.labels, taken[2].batch.labels)


def test_goes_on_with_the_plan_once_the_teacher_has_no_weight(inputs: dict[str, Path], tmp_path: Path) -> None:
    TokenTargetsStage(CONFIG).run(tmp_path, inputs)
    cache = TokenTargets(tmp_path)
    count = len(cache)
    stream = StreamWithTargets(batches(inputs), cache, again=False)
    taken = [given for given, _ in zip(stream, range(count + 3), strict=False)]
    plan = [batch for batch, _ in zip(batches(inputs), range(count + 3), strict=False)]
    assert all(torch.equal(given.batch.labels, batch.labels) for given, batch in zip(taken, plan, strict=True))
    assert [given.targets is None for given in taken] == [False] * count + [True] * 3


def test_processes_share_the_plan(inputs: dict[str, Path], tmp_path: Path) -> None:
    TokenTargetsStage(CONFIG).run(tmp_path, inputs)
    cache = TokenTargets(tmp_path)
    streams = [StreamWithTargets(batches(inputs, rank, 2), cache, rank, 2) for rank in range(2)]
    for stream in streams:  # the number of labels holds every batch against the cache
        assert len([given for given, _ in zip(stream, range(len(cache)), strict=False)]) == len(cache)


def test_other_processes_go_on_where_these_stood(inputs: dict[str, Path], tmp_path: Path) -> None:
    """Two take a turn each, one goes on with the third batch and the third batch's targets."""
    TokenTargetsStage(CONFIG).run(tmp_path, inputs)
    cache = TokenTargets(tmp_path)
    two = StreamWithTargets(batches(inputs, 0, 2), cache, 0, 2)
    next(iter(two))
    one, whole = (StreamWithTargets(batches(inputs), cache) for _ in range(2))
    one.load_state_dict(two.state_dict())
    *_, third = (given for _, given in zip(range(3), whole, strict=False))
    assert torch.equal(next(iter(one)).batch.labels, third.batch.labels)
    assert one.state_dict() == whole.state_dict()


def test_another_vocabulary_or_plan_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    other = make_inputs(tmp_path / "other", ("en", "de", "ja"))
    with pytest.raises(InputError, match="another vocabulary"):
        TokenTargetsStage(CONFIG).run(tmp_path / "cache", {**inputs, "encoded": other["encoded"]})
    TokenTargetsStage(CONFIG).run(tmp_path / "right", inputs)
    foreign = training_batches(other, EncodedCorpus.open(other["encoded"]), 0.0, BATCHING)
    stream = StreamWithTargets(foreign, TokenTargets(tmp_path / "right"))
    with pytest.raises(InputError, match="is not the one that the teacher saw"):
        for _ in zip(stream, range(5), strict=False):
            pass


def test_too_large_a_cache_is_refused_before_anything_runs() -> None:
    config = replace(CONFIG, tokens=replace(CONFIG.tokens, max_gigabytes=1e-6))
    with pytest.raises(InputError, match="max_gigabytes"):
        TokenTargetsStage(config).check()


def test_no_cache_is_one_clear_line(inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no token targets"):
        TokenTargets(tmp_path)
    TokenTargetsStage(CONFIG).run(tmp_path, inputs)
    (tmp_path / "000000.ids.npy").write_bytes(b"")
    with pytest.raises(InputError, match=r"000000\.ids\.npy: cannot be read"):
        TokenTargets(tmp_path).of(0, next(iter(batches(inputs))))


def test_the_halves_of_a_batch_keep_their_targets(inputs: dict[str, Path], tmp_path: Path) -> None:
    TokenTargetsStage(CONFIG).run(tmp_path, inputs)
    whole = next(iter(StreamWithTargets(batches(inputs), TokenTargets(tmp_path))))
    halves = whole.halves()
    assert len(halves) == 2
    for name in ("ids_TK", "probabilities_TK", "tail_T"):
        assert torch.equal(torch.cat([getattr(half.targets, name) for half in halves]), getattr(whole.targets, name))
    assert all(half.targets is not None and len(half.targets.tail_T) == half.target_tokens for half in halves)
