"""The student's encoder as an ahead-of-time compiled torch package (`torch.export`, AOTInductor), in float32.

The decoder is not packaged: its cache grows at every step, and the other engines run it faster (docs/runtime.md).
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pipeline.errors import InputError

if TYPE_CHECKING:
    from transformers import M2M100ForConditionalGeneration

FILE = "encoder.pt2"


class _Encoder(nn.Module):
    """Ids and mask in, states out."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return states


def convert(student: "M2M100ForConditionalGeneration", out: Path) -> None:
    """Compile the encoder for any number and length of messages and write `encoder.pt2`; takes a minute.

    Raises:
        InputError: no C++ compiler.
    """
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        raise InputError(
            "a compiled torch package needs a C++ compiler (g++); set distillation.export.torch_package=false"
        )
    out.mkdir(parents=True)
    ids = torch.full((2, 8), 5)
    batch, length = torch.export.Dim("batch", min=2, max=512), torch.export.Dim("length", min=2, max=256)
    shapes = {"input_ids": {0: batch, 1: length}, "attention_mask": {0: batch, 1: length}}
    with torch.no_grad():
        program = torch.export.export(
            _Encoder(student.model.encoder), (ids, torch.ones_like(ids)), dynamic_shapes=shapes
        )
        torch._inductor.aoti_compile_and_package(program, package_path=str(out / FILE))
