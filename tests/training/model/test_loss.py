"""The fused loss against `cross_entropy` on full logits."""

import pytest
import torch
import torch.nn.functional as F

from training.model import loss as loss_module
from training.model.loss import linear_cross_entropy, tokens_right


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_cross_entropy_in_slices(monkeypatch, smoothing):
    monkeypatch.setitem(loss_module.SLICE_ELEMENTS, "cpu", 150)  # three tokens a slice
    torch.manual_seed(0)
    x = torch.randn(10, 8, requires_grad=True)
    weight = torch.randn(50, 8, requires_grad=True)
    labels = torch.randint(0, 50, (10,))
    labels[[2, 7]] = -100
    found, nll = linear_cross_entropy(x, weight, labels, smoothing)
    logits = x @ weight.t()
    expected = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(nll, F.cross_entropy(logits, labels, reduction="sum"))
    assert int(tokens_right(x, weight, labels)) == int((logits.argmax(-1) == labels).sum())
    ours = torch.autograd.grad(found * 0.5, [x, weight])
    theirs = torch.autograd.grad(expected * 0.5, [x, weight])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_nothing_to_predict_is_zero():
    x = torch.randn(3, 8, requires_grad=True)
    found, _ = linear_cross_entropy(x, torch.randn(50, 8), torch.full((3,), -100))
    found.backward()
    assert found == 0
    assert x.grad.abs().sum() == 0


def test_autocast_computes_in_bf16_and_gives_fp32_gradients():
    torch.manual_seed(0)
    x = torch.randn(10, 8, requires_grad=True)
    weight = torch.randn(50, 8, requires_grad=True)
    labels = torch.randint(0, 50, (10,))
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = linear_cross_entropy(x, weight, labels)
    found.backward()
    expected = F.cross_entropy(x @ weight.t(), labels, reduction="sum")
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=0)
    assert x.grad.dtype == weight.grad.dtype == torch.float32
