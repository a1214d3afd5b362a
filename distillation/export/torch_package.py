"""The student's encoder as an ahead-of-time compiled torch package (`torch.export`, AOTInductor).

In float32, or in eight bits by torchao: weights with one scale per output unit, activations with one per row, found as
they come, so that a message does not depend on its batch mates. The decoder is not packaged: its cache grows at every
step, and the other engines run it faster (docs/runtime.md).
"""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from transformers import M2M100ForConditionalGeneration

FILE = "encoder.pt2"
FEWEST = 2  # rows and tokens that the package takes at least
Encoder = Callable[[Tensor, Tensor], Tensor]  # ids and mask (B, S) -> states (B, S, D)


class _Encoder(nn.Module):
    """Ids and mask in, states out."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return states


def convert(student: "M2M100ForConditionalGeneration", out: Path, int8: bool = False) -> None:
    """Compile the encoder for any number and length of messages and write `encoder.pt2`; takes a minute.

    Args:
        int8: round its linear layers to eight bits.

    Raises:
        InputError: no C++ compiler, or no torchao for eight bits.
    """
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        raise InputError(
            "a compiled torch package needs a C++ compiler (g++); set distillation.export.torch_package=false"
        )
    encoder = _rounded(student.model.encoder) if int8 else student.model.encoder
    out.mkdir(parents=True)
    ids = torch.full((2, 8), 5)
    batch, length = (torch.export.Dim(name, min=FEWEST, max=most) for name, most in (("batch", 512), ("length", 256)))
    shapes = {"input_ids": {0: batch, 1: length}, "attention_mask": {0: batch, 1: length}}
    with torch.no_grad():
        program = torch.export.export(_Encoder(encoder), (ids, torch.ones_like(ids)), dynamic_shapes=shapes)
        torch._inductor.aoti_compile_and_package(program, package_path=str(out / FILE))


def load(folder: Path) -> Encoder:
    """The compiled encoder, for any number of messages.

    Raises:
        InputError: no package there.
    """
    if not (folder / FILE).is_file():
        raise InputError(f"{folder}: no {FILE} of a compiled encoder")
    run = torch._inductor.aoti_load_package(str(folder / FILE))

    def encoder(ids_BS: Tensor, mask_BS: Tensor) -> Tensor:
        rows = max(FEWEST, len(ids_BS))
        states_BSD: Tensor = run(*(side.expand(rows, -1).contiguous() for side in (ids_BS, mask_BS)))
        return states_BSD[: len(ids_BS)]

    return encoder


def _rounded(encoder: nn.Module) -> nn.Module:
    """A copy with linear layers of eight bits."""
    try:
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
        from torchao.utils import unwrap_tensor_subclass
    except ImportError as error:
        raise InputError("torchao is not installed (extra `torchao`): distillation.export.torch_int8=false") from error
    copied = copy.deepcopy(encoder)
    quantize_(copied, Int8DynamicActivationInt8WeightConfig())
    return unwrap_tensor_subclass(copied)
