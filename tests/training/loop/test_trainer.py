"""The loop: learns, accumulates exactly, resumes bit for bit, skips what explodes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from parley.pipeline.errors import InputError
from tests.training.toy_task import ToyStream, ToyTask, toy_config, toy_trainer
from training.batches.prefetch import Prefetch
from training.loop import trainer as trainer_module
from training.loop.checkpoint_files import CheckpointTensors, best_checkpoint, checkpoint_folders
from training.loop.log import read_log

ROOT = Path(__file__).resolve().parents[3]


def curve(out: Path) -> list[tuple[int, float, float]]:
    return [(x["update"], x["loss"], x["gradient_norm"]) for x in read_log(out / "training_log.jsonl", "train")]


def validations(out: Path) -> list[tuple[int, float]]:
    return [(x["update"], x["dev/loss"]) for x in read_log(out / "training_log.jsonl", "validation")]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_learns_and_keeps_the_best(tmp_path: Path, precision: str) -> None:
    trainer = toy_trainer(tmp_path, max_updates=300, validate_every=60, precision=precision)
    result = trainer.train()
    scores = dict(validations(tmp_path))
    assert result.metrics["dev/loss"] == min(scores.values()) < 0.5 < scores[60]
    assert scores[result.result_update] == result.metrics["dev/loss"]
    assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}
    *_, before, last = checkpoint_folders(tmp_path / "checkpoints")
    kept = {before, last, best_checkpoint(before), best_checkpoint(last)}
    assert set(checkpoint_folders(tmp_path / "checkpoints")) == kept


def test_result_weights_score_as_logged(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, max_updates=60, learning_rate=0.3, warmup_updates=1, schedule="constant")
    result = trainer.train()
    assert trainer.task.validate(trainer.model)["dev/loss"] == pytest.approx(result.metrics["dev/loss"], rel=1e-6)


def test_accumulation_equals_one_big_batch(tmp_path: Path) -> None:
    """Micro-batches of unequal size: the update's gradient is that of all their tokens together."""
    trainer = toy_trainer(tmp_path / "many", ToyTask(dropout=0), update_tokens=300)
    seen: list[dict[str, torch.Tensor]] = []

    def step(rate: float, loss: torch.Tensor) -> torch.Tensor:
        buckets = trainer.masters.buckets
        seen.append({name: view.clone() for b in buckets for name, view in b.views(b.master_gradient)})
        return torch.zeros(())

    trainer.optimizer.step = step  # type: ignore[method-assign]
    trainer.started = time.monotonic()
    with Prefetch(trainer.stream, 0) as batches:
        trainer._update(batches)
    count = trainer.stream.state_dict()["position"]
    assert count > 5
    task, stream = ToyTask(dropout=0), ToyStream()
    parts = [stream.batch(n) for n in range(count)]
    total = sum(batch.target_tokens for batch in parts)
    big = torch.stack([task.loss(batch).loss_sum for batch in parts]).sum() / total
    big.backward()
    reference = {name: p.grad for name, p in task.model.named_parameters()}
    assert seen[0].keys() == reference.keys()
    for name, gradient in seen[0].items():
        torch.testing.assert_close(gradient, reference[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("budget", [{"max_updates": 7}, {"max_tokens": 500}, {"max_minutes": 0.01}])
def test_budgets(tmp_path: Path, budget: dict[str, Any]) -> None:
    result = toy_trainer(tmp_path, **({"max_updates": 10**6} | budget), validate_every=0).train()
    assert result.updates == budget.get("max_updates", result.updates)
    if "max_tokens" in budget:
        assert 500 <= result.tokens < 500 + 2 * 64
    if "max_minutes" in budget:
        assert 0.6 <= result.seconds < 6


def test_the_first_budget_to_run_out_ends_it(tmp_path: Path) -> None:
    assert toy_trainer(tmp_path, max_updates=5, max_tokens=10**9, max_minutes=60.0).train().updates == 5


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_resume_after_an_error_is_bit_identical(tmp_path: Path, precision: str) -> None:
    settings: dict[str, Any] = {"precision": precision, "log_every": 3, "checkpoint_every": 4, "max_updates": 30}
    whole = toy_trainer(tmp_path / "whole", **settings).train()
    broken = ToyTask()
    broken.after_update = _fail_at(19)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path / "broken", broken, **settings).train()
    again = toy_trainer(tmp_path / "broken", **settings).train()
    assert again.resumed_from == 16
    assert curve(tmp_path / "broken") == curve(tmp_path / "whole")
    assert validations(tmp_path / "broken") == validations(tmp_path / "whole")
    assert (again.metrics, again.tokens) == (whole.metrics, whole.tokens)


def _fail_at(update: int) -> Any:
    calls = iter(range(1, 10**6))

    def after_update() -> None:
        if next(calls) == update:
            raise KeyboardInterrupt

    return after_update


def _start(out: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.training.toy_task", str(out), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_kill_9_then_resume_is_bit_identical(tmp_path: Path) -> None:
    words = ("max_updates=60", "checkpoint_every=7", "slow=0.02")
    assert _start(tmp_path / "whole", *words).wait(timeout=120) == 0
    process = _start(tmp_path / "killed", *words)
    log = tmp_path / "killed" / "training_log.jsonl"
    while not (log.exists() and log.read_text().count("\n") > 25):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = _start(tmp_path / "killed", *words)
    said = again.communicate(timeout=120)[1]
    assert again.returncode == 0, said
    assert "resumed from update" in said
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")
    assert validations(tmp_path / "killed") == validations(tmp_path / "whole")
    best = [best_checkpoint(checkpoint_folders(tmp_path / run / "checkpoints")[-1]) for run in ("whole", "killed")]
    one, other = (CheckpointTensors(folder) for folder in best)
    assert best[0].name == best[1].name
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_finished_training_returns_at_once(tmp_path: Path) -> None:
    first = toy_trainer(tmp_path).train()
    task = ToyTask(seed=5)
    again = toy_trainer(tmp_path, task).train()
    assert task.calls == 0
    assert again.metrics == first.metrics
    assert again.seconds == pytest.approx(first.seconds)


def test_bad_updates_are_skipped_and_counted(tmp_path: Path) -> None:
    task = ToyTask()
    task.poisoned = (10, 11, 40)
    result = toy_trainer(tmp_path, task).train()
    assert 2 <= result.skipped <= 3
    assert all(torch.isfinite(p).all() for p in task.model.parameters())
    lines = read_log(tmp_path / "training_log.jsonl", "train")
    assert sum(line["loss"] is None for line in lines) == result.skipped
    assert json.loads(json.dumps(lines), parse_constant=lambda word: pytest.fail(f"{word} in the log"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_divergence_stops_with_the_last_good_checkpoint(
    tmp_path: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "MAX_SKIPS", 4)
    task = ToyTask()
    task.poisoned = range(50, 10**6)
    with pytest.raises(InputError, match=r"diverged at update \d+.*last good checkpoint is .*update-00000"):
        toy_trainer(tmp_path, task, max_updates=500, checkpoint_every=5, precision=precision).train()
    resumed = toy_trainer(tmp_path, max_updates=80, checkpoint_every=5, precision=precision).train()
    assert resumed.resumed_from >= 20
    assert resumed.skipped <= 4


def test_an_exploding_loss_is_skipped(tmp_path: Path) -> None:
    task = ToyTask()
    whole = task.loss

    def loss(batch: Any) -> Any:
        parts = whole(batch)
        return type(parts)(parts.loss_sum * (1e4 if 30 <= task.calls < 34 else 1), parts.tokens)

    task.loss = loss  # type: ignore[method-assign]
    result = toy_trainer(tmp_path, task, max_updates=80).train()
    assert 2 <= result.skipped <= 4


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    toy_trainer(tmp_path).train()
    other = ToyTask()
    other.model.embedding = torch.nn.Embedding(31, 16)
    with pytest.raises(InputError, match="another model or vocabulary"):
        toy_trainer(tmp_path, other, max_updates=80).train()


@pytest.mark.parametrize("last", [20, 24])
def test_killed_after_the_last_update_was_logged(tmp_path: Path, last: int) -> None:
    """Between the log line of a validation and its checkpoint: the line stands once in the end."""
    settings = {"max_updates": last, "checkpoint_every": 5, "validate_every": 0}
    trainer = toy_trainer(tmp_path, **settings)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    saving = trainer.checkpoints.save
    trainer.checkpoints.save = lambda update, *rest: killed() if update == last else saving(update, *rest)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert [update for update, _ in validations(tmp_path)] == [last]
    assert toy_trainer(tmp_path, **settings).train().resumed_from == last - (last % 5 or 5)
    assert [update for update, _ in validations(tmp_path)] == [last]


def test_an_update_is_saved_once(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path, max_updates=20, checkpoint_every=5, validate_every=10)
    saved: list[int] = []
    saving = trainer.checkpoints.save
    trainer.checkpoints.save = lambda update, *rest: (saved.append(update), saving(update, *rest))[1]  # type: ignore[method-assign,func-returns-value]
    trainer.train()
    assert saved == [5, 10, 15, 20]


def test_an_unknown_best_metric_lists_what_there_is(tmp_path: Path) -> None:
    task = ToyTask()
    task.best_metric = "dev/bleu"
    with pytest.raises(InputError, match="dev/bleu: validation gives dev/loss"):
        toy_trainer(tmp_path, task).train()


def test_too_few_processes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expects 2 processes but 1 run"):
        toy_trainer(tmp_path, processes=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_updates": 0}, "needs a budget"),
        ({"schedule": "cosine"}, "inverse_sqrt, wsd, constant"),
        ({"precision": "fp8"}, "auto, fp32, bf16"),
        ({"update_tokens": 0}, "update_tokens=0 must be above 0"),
        ({"ema_decay": 1.0}, "below 1"),
    ],
)
def test_wrong_settings(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        toy_config(**change)


def _distributed(out: Path, processes: int, updates: int, *full: str) -> list[tuple[int, float, float]]:
    """Train or go on up to an update, in real processes; gives the curve so far."""
    script = ROOT / "tests" / "training" / "toy_distributed.py"
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *launcher, str(script), str(out), str(processes), str(updates), *full]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return curve(out)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 2), (2, 1), (1, 2)])
def test_processes_that_share_the_batches_equal_one(tmp_path: Path, before: int, after: int) -> None:
    """They make the updates that one process makes of all batches, and go on from what others wrote."""
    reference = _distributed(tmp_path / "one", 1, 12)
    _distributed(tmp_path / "several", before, 6)
    curves = reference, _distributed(tmp_path / "several", after, 12)
    assert len(reference) == 12
    for one, other in zip(*curves, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


@pytest.mark.slow
def test_memory_exhausted_on_one_process_changes_no_update(tmp_path: Path) -> None:
    curves = _distributed(tmp_path / "one", 1, 6), _distributed(tmp_path / "two", 2, 6, "1")
    for one, other in zip(*curves, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    counted = [line["halved"] for line in read_log(tmp_path / "two/training_log.jsonl", "train")]
    assert counted == list(range(6))
