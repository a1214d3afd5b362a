"""Rounding to eight bits: how far off, and which layer is the worst."""

import pytest
import torch

from distillation.student.quantization import input_ranges, layer_errors, layer_name, rounded
from tests.distillation.models import tiny_student
from training.batches.batch import Batch


def batch() -> Batch:
    ids = torch.randint(25, 60, (6, 7), generator=torch.Generator().manual_seed(0))
    languages = torch.zeros(6, dtype=torch.long)
    return Batch(ids, torch.ones_like(ids), ids[:, :5], ids[:, 1:6], languages, languages, 30)


def test_rounding_is_within_half_a_step_of_each_row() -> None:
    x = torch.randn(5, 33) * torch.tensor([1e-3, 0.1, 1, 10, 1000]).unsqueeze(1)
    steps = x.abs().amax(1, keepdim=True) / 127
    assert ((rounded(x) - x).abs() <= 0.5001 * steps).all()
    assert rounded(torch.zeros(2, 3)).abs().sum() == 0


def test_a_layer_with_outliers_is_found() -> None:
    student = tiny_student()
    with torch.no_grad():
        student.model.encoder.layers[1].fc1.bias[0] = 2000.0  # one unit far above the others: bits for them are lost
    ranges = input_ranges(student, [batch()])
    assert {"encoder.layers.0.fc1", "decoder.layers.0.encoder_attn.kv", "output"} <= set(ranges)
    assert not [name for name in ranges if name.endswith(("fc2", "out_proj"))]
    errors = layer_errors(student, [batch()], ranges)
    assert errors[0].name != "encoder.layers.1.fc2" or errors[0].outliers > 3
    by_name = {layer.name: layer for layer in errors}
    assert by_name["encoder.layers.1.fc2"].outliers == max(layer.outliers for layer in errors)
    assert 0 < by_name["encoder.layers.0.fc1"].error < 0.05
    assert {"encoder.layers.0.self_attn.qkv", "decoder.layers.0.encoder_attn.kv"} <= set(by_name)


@pytest.mark.parametrize(
    ("module", "product"),
    [
        ("model.encoder.layers.3.self_attn.k_proj", "encoder.layers.3.self_attn.qkv"),
        ("model.decoder.layers.0.encoder_attn.v_proj", "decoder.layers.0.encoder_attn.kv"),
        ("model.decoder.layers.0.encoder_attn.q_proj", "decoder.layers.0.encoder_attn.q_proj"),
        ("model.encoder.layers.0.fc2", "encoder.layers.0.fc2"),
    ],
)
def test_layers_are_called_as_exports_call_them(module: str, product: str) -> None:
    assert layer_name(module) == product
