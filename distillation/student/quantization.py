"""What int8 does to each layer, measured.

The rounding is that of `distillation.export.onnx_graph`: weights with one scale per output unit; behind a norm one
fixed scale for all rows, else one for each row. CTranslate2 rounds every row by its own largest value.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import M2M100ForConditionalGeneration

from distillation.decoder_states import decoder_states
from training.batches.batch import Batch

OUTPUT = "output"
_BEHIND_NORM = ("self_attn.qkv", "fc1", "encoder_attn.q_proj", "encoder_attn.kv")
_FUSED = {"q_proj": "qkv", "k_proj": "qkv", "v_proj": "qkv"}


@dataclass(frozen=True)
class LayerError:
    """Error of one layer's product in int8.

    Attributes:
        name: of the layer, fused projections under one name, as exports call it.
        error: norm of the error of the output relative to the output's norm.
        outliers: largest activation of a row relative to the row's root mean square, mean over rows: what eats bits.
    """

    name: str
    error: float
    outliers: float


def rounded(x: Tensor) -> Tensor:
    """Rows as they are after int8: 127 steps to the largest absolute value of the row."""
    scale = x.abs().amax(-1, keepdim=True).clamp(min=1e-9) / 127
    return (x / scale).round() * scale


def rounded_input(x: Tensor, name: str, ranges: Mapping[str, float]) -> Tensor:
    """What goes into a layer, as the export rounds it."""
    if name in ranges:
        scale = ranges[name] / 127
        return (x / scale).round().clamp(-128, 127) * scale
    if name.endswith("fc2"):
        steps = x.amax(-1, keepdim=True).clamp(min=1e-9) / 255
        return (x / steps).round() * steps
    return rounded(x)


def layer_name(name: str) -> str:
    """A module's name as exports call the product that it is part of."""
    path, _, last = name.removeprefix("model.").rpartition(".")
    if path.endswith("encoder_attn") and last in ("k_proj", "v_proj"):
        return f"{path}.kv"
    return f"{path}.{_FUSED.get(last, last) if path.endswith('self_attn') else last}"


@torch.no_grad()
def input_ranges(student: M2M100ForConditionalGeneration, batches: Sequence[Batch]) -> dict[str, float]:
    """Largest absolute value that goes into each layer behind a norm, and into the `output` layer, on some batches."""
    found: dict[str, float] = {}

    def watch(name: str, _: nn.Linear, x: Tensor) -> None:
        layer = layer_name(name)
        if layer.endswith(_BEHIND_NORM):
            found[layer] = max(found.get(layer, 0.0), float(x.abs().max()))

    with _watched(student, watch):
        for batch in batches:
            found[OUTPUT] = max(found.get(OUTPUT, 0.0), float(decoder_states(student, batch).abs().max()))
    return found


@torch.no_grad()
def layer_errors(
    student: M2M100ForConditionalGeneration, batches: Sequence[Batch], ranges: Mapping[str, float]
) -> list[LayerError]:
    """Every linear layer's error on some batches, worst first; padding is counted with the rest."""
    sums: dict[str, list[float]] = {}

    def watch(name: str, module: nn.Linear, x: Tensor) -> None:
        rows = x.flatten(0, -2).float()
        exact = F.linear(rows, module.weight.float())
        error = F.linear(rounded_input(rows, layer_name(name), ranges), rounded(module.weight.float())) - exact
        peaks = rows.abs().amax(-1) / rows.square().mean(-1).sqrt().clamp(min=1e-9)
        total = sums.setdefault(layer_name(name), [0.0, 0.0, 0.0, 0.0])
        parts = float(error.square().sum()), float(exact.square().sum()), float(peaks.sum()), float(len(rows))
        sums[layer_name(name)] = [old + new for old, new in zip(total, parts, strict=True)]

    with _watched(student, watch):
        for batch in batches:
            decoder_states(student, batch)
    found = [LayerError(name, (e / max(t, 1e-30)) ** 0.5, p / max(n, 1)) for name, (e, t, p, n) in sums.items()]
    return sorted(found, key=lambda layer: -layer.error)


@contextmanager
def _watched(student: M2M100ForConditionalGeneration, watch: Any) -> Iterator[None]:
    layers = {name: module for name, module in student.named_modules() if _is_hidden(name, module)}
    handles = [
        module.register_forward_hook(lambda m, inputs, _, name=name: watch(name, m, inputs[0]))
        for name, module in layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _is_hidden(name: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and name.startswith("model.")
