"""AdamW on flat masters, schedules, guards."""

from typing import Any

import pytest
import torch

from tests.training.toy_task import ToyModel, ToyStream, ToyTask, toy_config
from training.loop.ema import WeightAverage
from training.loop.optimization import Optimizer, learning_rate
from training.loop.precision import ALIGNMENT, Masters, choose_precision


def test_schedules() -> None:
    def rate(update: int, progress: float = 0.0, **changes: Any) -> float:
        return learning_rate(toy_config(learning_rate=1.0, warmup_updates=100, **changes), update, progress)

    assert rate(1) == pytest.approx(0.01)
    assert rate(100) == pytest.approx(1.0)
    assert rate(400) == pytest.approx(0.5)
    assert rate(400, schedule="constant") == 1.0
    assert rate(400, 0.5, schedule="wsd", decay=0.2) == 1.0
    assert rate(400, 0.9, schedule="wsd", decay=0.2) == pytest.approx(0.5)
    assert rate(400, 1.0, schedule="wsd", decay=0.2) == pytest.approx(0.05)


def test_equals_a_plain_adamw() -> None:
    """Flat masters change nothing: parameters after ten updates are those of AdamW over parameter groups."""
    ours, plain = ToyTask(dropout=0), ToyTask(dropout=0)
    config = toy_config()
    optimizer = Optimizer(Masters(ours.model), config)
    undecayed = {"embedding.weight", "norm.weight", "norm.bias", "mix.bias", "out.bias"}
    groups: list[dict[str, Any]] = [{"params": [], "weight_decay": 0.01}, {"params": [], "weight_decay": 0.0}]
    for name, parameter in plain.model.named_parameters():
        groups[name in undecayed]["params"].append(parameter)
    reference = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.98), eps=1e-8, foreach=False, fused=False)
    for number in range(10):
        batch = ToyStream().batch(number)
        loss = ours.loss(batch).loss_sum / batch.target_tokens
        loss.backward()
        norm = optimizer.step(0.01, loss.detach())
        reference.zero_grad()
        (plain.loss(batch).loss_sum / batch.target_tokens).backward()
        expected = torch.nn.utils.clip_grad_norm_(plain.model.parameters(), 1.0)
        reference.step()
        torch.testing.assert_close(norm, expected)
    for (name, ours_p), plain_p in zip(ours.model.named_parameters(), plain.model.parameters(), strict=True):
        torch.testing.assert_close(ours_p, plain_p, rtol=1e-4, atol=1e-5, msg=name)


def test_an_unsound_update_leaves_everything_as_it_was() -> None:
    task = ToyTask()
    optimizer = Optimizer(Masters(task.model), toy_config())

    def update(factor: float) -> None:
        batch = ToyStream().batch(0)
        loss = task.loss(batch).loss_sum / batch.target_tokens * factor
        loss.backward()
        optimizer.step(0.01, loss.detach())

    update(1.0)
    before = {name: tensor.clone() for name, tensor in optimizer.state_tensors().items() if name != "health"}
    update(float("nan"))
    update(float("inf"))
    after = optimizer.state_tensors()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert optimizer.skipped() == (2, 2)
    update(1.0)
    assert optimizer.skipped() == (0, 2)
    assert not torch.equal(before["matrices.float32.master"], optimizer.state_tensors()["matrices.float32.master"])


@pytest.mark.parametrize("working", [torch.float32, torch.bfloat16])
def test_parameters_are_views(working: torch.dtype) -> None:
    model = ToyModel()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    masters = Masters(model, working)
    for bucket in masters.buckets:
        assert all(offset % ALIGNMENT == 0 for offset in bucket.offsets)
        for name, view in bucket.views(bucket.master):
            assert torch.equal(view, before[name])
    assert model.out.bias.dtype == torch.float32, "keep_fp32"
    assert model.mix.weight.dtype == working
    model.mix.weight.grad.add_(1)  # type: ignore[union-attr]
    masters.collect()
    decayed = next(bucket for bucket in masters.buckets if bucket.decayed)
    assert {name: float(g.mean()) for name, g in decayed.views(decayed.master_gradient)} == {
        "mix.weight": 1.0,
        "out.weight": 0.0,
    }


def test_a_parameter_moves_at_its_share_of_the_rate() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False))
    model[0].weight.rate_share = 0.1
    before = [layer.weight.detach().clone() for layer in model]
    optimizer = Optimizer(Masters(model), toy_config(learning_rate=1e-2))
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step(1e-2, torch.tensor(1.0))
    slow, fast = (float((layer.weight - old).abs().max()) for layer, old in zip(model, before, strict=True))
    assert slow == pytest.approx(0.1 * fast, rel=0.05)


def test_bf16_gradients_add_up_in_fp32() -> None:
    """256 + 1 is 256 in bf16: small micro-batches would vanish."""
    model = torch.nn.Linear(4, 4)
    masters = Masters(model, torch.bfloat16)
    for value in (256.0, 1.0, 1.0):
        model.weight.grad.add_(value)  # type: ignore[union-attr]
        masters.collect()
    decayed = next(bucket for bucket in masters.buckets if bucket.decayed)
    assert decayed.master_gradient[0] == 258


def test_average_follows_and_gives_back() -> None:
    model = torch.nn.Linear(2, 2)
    masters = Masters(model)
    average = WeightAverage(masters, 0.5)
    start = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1
    average.update(1000)
    with average.applied():
        torch.testing.assert_close(model.weight, start + 0.5)
    torch.testing.assert_close(model.weight, start + 1)
    torch.testing.assert_close(average.weights()["weight"], start + 0.5)


def test_auto_precision_on_a_cpu() -> None:
    has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    assert choose_precision("auto", torch.device("cpu")) == (torch.bfloat16 if has_bf16 else torch.float32)
    assert choose_precision("bf16", torch.device("cpu")) == torch.bfloat16
