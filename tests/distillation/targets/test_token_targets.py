"""Token-level targets on disk: what the teacher says, resumed exactly, refused where they are of something else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from distillation.config import TokenTargetsConfig
from distillation.targets import token_targets
from distillation.targets.batches import StreamWithTargets
from distillation.targets.plan import CutConfig, identity_of, plan
from distillation.targets.token_targets import TokenTargets, bytes_per_token, write_token_targets
from distillation.teacher import ask_teacher, load_teacher
from parley.pipeline.errors import InputError
from tests.distillation.toy_teacher import save_teacher, toy_inputs
from tests.training.toy_corpus import make_inputs
from training.batches.batch import Batch
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig

BATCHING = BatchingConfig(batch_tokens=300, max_length=64)
CUT = CutConfig(TokenTargetsConfig(top_k=4), temperature=2.0)
TOKENS = 2000


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return toy_inputs(tmp_path_factory.mktemp("toy"))


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_targets, "SHARD_BATCHES", 3)


class KilledError(Exception):
    pass


class DyingStream:
    """A stream that stops a run after some batches."""

    def __init__(self, stream: Any, lives: int) -> None:
        self.stream, self.lives = stream, lives

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.stream:
            if not self.lives:
                raise KilledError
            self.lives -= 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        return self.stream.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.stream.load_state_dict(state)


def write(out: Path, inputs: dict[str, Path], cut: CutConfig = CUT, lives: int = 10**6) -> dict[str, Any]:
    encoded = EncodedCorpus.open(inputs["encoded"])
    identity = identity_of(inputs, encoded, cut, BATCHING)
    teacher = load_teacher(inputs["teacher"], torch.device("cpu"), torch.float32)
    stream = DyingStream(plan(inputs, encoded, 0.0, BATCHING), lives)
    return write_token_targets(out, stream, teacher, cut.tokens, identity, TOKENS)


@pytest.mark.parametrize("sampled", [False, True])
def test_holds_what_the_teacher_says(inputs: dict[str, Path], tmp_path: Path, sampled: bool) -> None:
    cut = replace(CUT, tokens=replace(CUT.tokens, sampled=sampled))
    facts = write(tmp_path, inputs, cut)
    assert facts["tokens"] >= TOKENS
    assert facts["bytes"] == pytest.approx(facts["tokens"] * bytes_per_token(4, 480), rel=0.3)  # headers, checksums
    encoded = EncodedCorpus.open(inputs["encoded"])
    cache = TokenTargets(tmp_path, identity_of(inputs, encoded, cut, BATCHING))
    teacher = load_teacher(inputs["teacher"], torch.device("cpu"), torch.float32)
    stream = StreamWithTargets(plan(inputs, encoded, 0.0, BATCHING), cache)
    for taught, _ in zip(stream, range(len(cache)), strict=False):
        assert taught.targets is not None
        wanted = ask_teacher(teacher, taught.batch, 4, 2.0)
        total = taught.targets.probabilities_TK.sum(1) + taught.targets.tail_T
        torch.testing.assert_close(total, torch.ones_like(total))
        if not sampled:
            torch.testing.assert_close(taught.targets.probabilities_TK, wanted.probabilities_TK, rtol=2e-3, atol=1e-4)
            assert (taught.targets.ids_TK == wanted.ids_TK).float().mean() > 0.99


def test_a_killed_run_goes_on_after_its_shards(inputs: dict[str, Path], tmp_path: Path) -> None:
    write(tmp_path / "whole", inputs)
    with pytest.raises(KilledError):
        write(tmp_path / "parts", inputs, lives=5)
    first = tmp_path / "parts" / "shard-00000.ids.npy"
    before = first.stat().st_mtime_ns
    assert not (tmp_path / "parts" / "shard-00001.json").exists()
    write(tmp_path / "parts", inputs)
    assert first.stat().st_mtime_ns == before
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "parts").iterdir())
    for name in names:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_goes_round_and_resumes(inputs: dict[str, Path], tmp_path: Path) -> None:
    write(tmp_path, inputs)
    encoded, cache = EncodedCorpus.open(inputs["encoded"]), TokenTargets(tmp_path)

    def stream() -> StreamWithTargets:
        return StreamWithTargets(plan(inputs, encoded, 0.0, BATCHING), cache)

    count = len(cache)
    taken = [taught for taught, _ in zip(stream(), range(2 * count + 3), strict=False)]
    assert torch.equal(taken[count + 2].batch.labels, taken[2].batch.labels)
    first, second = stream(), stream()
    for _ in zip(first, range(count + 2), strict=False):
        state = first.state_dict()
    second.load_state_dict(state)
    assert torch.equal(next(iter(second)).batch.labels, taken[2].batch.labels)


def test_processes_share_the_plan(inputs: dict[str, Path], tmp_path: Path) -> None:
    write(tmp_path, inputs)
    encoded, cache = EncodedCorpus.open(inputs["encoded"]), TokenTargets(tmp_path)
    streams = [StreamWithTargets(plan(inputs, encoded, 0.0, BATCHING, rank, 2), cache, rank, 2) for rank in range(2)]
    for stream in streams:  # checksums hold every batch against the cache
        assert len([taught for taught, _ in zip(stream, range(len(cache)), strict=False)]) == len(cache)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 1.0}, "of another temperature"),
        ({"tokens": TokenTargetsConfig(top_k=5)}, "of another top_k"),
    ],
)
def test_other_settings_are_refused(
    inputs: dict[str, Path], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    write(tmp_path, inputs)
    encoded = EncodedCorpus.open(inputs["encoded"])
    with pytest.raises(InputError, match=message):
        TokenTargets(tmp_path, identity_of(inputs, encoded, replace(CUT, **change), BATCHING))


def test_another_teacher_corpus_or_vocabulary_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    write(tmp_path / "cache", inputs)
    encoded = EncodedCorpus.open(inputs["encoded"])
    other_teacher = {**inputs, "teacher": save_teacher(tmp_path / "teacher", inputs["tokenizer"], seed=1)}
    with pytest.raises(InputError, match="of another teacher"):
        TokenTargets(tmp_path / "cache", identity_of(other_teacher, encoded, CUT, BATCHING))
    with pytest.raises(InputError, match="of another plan"):
        TokenTargets(tmp_path / "cache", identity_of(inputs, encoded, CUT, replace(BATCHING, seed=5)))
    other = make_inputs(tmp_path / "other", ("en", "de", "ja"))
    foreign = EncodedCorpus.open(other["encoded"])
    with pytest.raises(InputError, match="another vocabulary"):
        identity_of(inputs, foreign, CUT, BATCHING)
    stream = StreamWithTargets(plan(other, foreign, 0.0, BATCHING), TokenTargets(tmp_path / "cache"))
    with pytest.raises(InputError, match="batch 0 is not the one that the teacher saw"):
        next(iter(stream))


def test_too_large_a_cache_is_refused_before_it_is_begun(inputs: dict[str, Path], tmp_path: Path) -> None:
    cut = replace(CUT, tokens=replace(CUT.tokens, max_gigabytes=1e-6))
    with pytest.raises(InputError, match="max_gigabytes"):
        write(tmp_path / "cache", inputs, cut)
    assert not (tmp_path / "cache").exists()


def test_no_cache_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no token targets"):
        TokenTargets(tmp_path)
