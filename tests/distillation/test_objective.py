"""The mixed objective against the exact KL over the full vocabulary, written out in plain torch."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from distillation.objective import TeacherTargets, linear_distillation, teacher_targets
from training.model import loss as plain

T, D, V = 13, 8, 40


def example(seed: int = 0, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Student states and output layer, labels (one ignored), teacher states and output layer."""
    generator = torch.Generator().manual_seed(seed)
    x, w, tx, tw = (torch.randn(n, D, generator=generator) for n in (T, V, T, V))
    labels = torch.randint(0, V, (T,), generator=generator)
    labels[3] = -100
    return x.to(dtype).requires_grad_(), w.to(dtype).requires_grad_(), labels, tx, tw


KEPT = torch.tensor([place for place in range(T) if place != 3])


def targets_of(tx: Tensor, tw: Tensor, kept: int, t: float = 1.0) -> TeacherTargets:
    """Of the tokens that have a label."""
    return teacher_targets(tx[KEPT], tw, kept, t)


def exact(x: Tensor, w: Tensor, labels: Tensor, tx: Tensor, tw: Tensor, alpha: float, t: float) -> Tensor:
    """The mixture with the whole distributions."""
    kept = labels != -100
    logits, teacher = (x @ w.t())[kept], (tx @ tw.t())[kept]
    divergence = F.kl_div((logits / t).log_softmax(-1), (teacher / t).log_softmax(-1), log_target=True, reduction="sum")
    return alpha * t**2 * divergence + (1 - alpha) * F.cross_entropy(logits, labels[kept], reduction="sum")


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_all_pieces_give_the_exact_loss_and_gradients(
    alpha: float, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plain.SLICE_ELEMENTS, "cpu", 3 * V)  # several slices
    x, w, labels, tx, tw = example()
    wanted = exact(x, w, labels, tx, tw, alpha, temperature)
    gradients = torch.autograd.grad(wanted, (x, w))
    loss = linear_distillation(x, w, labels, targets_of(tx, tw, V, temperature), alpha, temperature)
    assert loss.total.item() == pytest.approx(wanted.item(), rel=1e-5)
    for ours, theirs in zip(torch.autograd.grad(loss.total, (x, w)), gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_fewer_pieces_are_a_lower_bound_that_rises_with_them(temperature: float) -> None:
    x, w, labels, tx, tw = example(1)
    values = [
        linear_distillation(x, w, labels, targets_of(tx, tw, kept, temperature), 1.0, temperature).divergence.item()
        for kept in (1, 2, 4, 8, 16, V)
    ]
    assert values == sorted(values)
    assert values[0] > 0
    assert values[-1] == pytest.approx(exact(x, w, labels, tx, tw, 1.0, temperature).item() / temperature**2, rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_gradient_with_a_tail_by_differences(temperature: float) -> None:
    x, w, labels, tx, tw = example(2)
    targets = targets_of(tx, tw, 5, temperature)
    loss = linear_distillation(x, w, labels, targets, 0.7, temperature)
    gradient = torch.autograd.grad(loss.total, (x, w))

    def value(x: Tensor, w: Tensor) -> Tensor:
        """The same in float64 by autograd, the tail lumped by hand."""
        kept = labels != -100
        logits = (x.double() @ w.double().t())[kept]
        chosen = targets
        q = (logits / temperature).softmax(-1)
        q_kept = q.gather(1, chosen.ids_TK)
        p, tail = chosen.probabilities_TK.double(), chosen.tail_T.double()
        kl = (p * (p.log() - q_kept.log())).sum() + (tail * (tail.log() - (1 - q_kept.sum(1)).log())).sum()
        return 0.7 * temperature**2 * kl + 0.3 * F.cross_entropy(logits, labels[kept], reduction="sum")

    wanted = value(x, w)
    assert loss.total.item() == pytest.approx(wanted.item(), rel=1e-5)
    for ours, theirs in zip(gradient, torch.autograd.grad(wanted, (x, w)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_student_equal_to_its_teacher_has_no_gradient() -> None:
    x, w, labels, _, _ = example(3)
    loss = linear_distillation(x, w, labels, targets_of(x.detach(), w.detach(), 6), 1.0)
    assert loss.divergence.item() == pytest.approx(0, abs=1e-4)
    assert torch.autograd.grad(loss.total, x)[0].abs().max() < 1e-5


def test_alpha_zero_is_cross_entropy() -> None:
    x, w, labels, tx, tw = example(4)
    loss = linear_distillation(x, w, labels, targets_of(tx, tw, 4), 0.0)
    wanted, nll = plain.linear_cross_entropy(x, w, labels)
    assert (loss.total.item(), loss.nll.item()) == (pytest.approx(wanted.item()), pytest.approx(nll.item()))
    torch.testing.assert_close(torch.autograd.grad(loss.total, x), torch.autograd.grad(wanted, x))


def test_in_bfloat16_the_tail_survives_rounding() -> None:
    """A confident student: its tail is a hundredth of what bf16 can tell from 1."""
    x, w, labels, tx, tw = example(5, torch.bfloat16)
    sharp = (x.detach() * 4).requires_grad_()
    targets = targets_of(tx, tw, 3)
    low = torch.autograd.grad(linear_distillation(sharp, w, labels, targets, 1.0).total, sharp)[0]
    full = sharp.detach().float().requires_grad_()
    high = torch.autograd.grad(linear_distillation(full, w.detach().float(), labels, targets, 1.0).total, full)[0]
    assert ((low.float() - high).norm() / high.norm()).item() < 0.03


def test_every_label_needs_a_target() -> None:
    x, w, labels, tx, tw = example(8)
    with pytest.raises(ValueError, match="13 targets for 12 labels"):
        linear_distillation(x, w, labels, teacher_targets(tx, tw, 2), 0.5)
