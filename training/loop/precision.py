"""Working weights in bf16 (or fp32), masters in fp32, both as views into a few flat tensors.

Every parameter is a slice of a flat tensor, and so is its gradient. The optimizer, clipping, the moving average, the
sum over processes and checkpoints then handle two to five tensors, however many parameters the model has. In bf16 the
gradients of micro-batches are added up in fp32. A parameter with the attribute `keep_fp32` (a router's) stays fp32.
Other marks on parameters: `is_head` (an output layer) and `stacked` (projections fused by rows), which Muon minds, and
`rate_share` (its learning rate as a share of the training's, where a pretrained layer moves less than a fresh one).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

ALIGNMENT: Final = 64  # elements: slices begin on cache lines, as vector and grouped-matmul kernels want
UNDECAYED: Final = re.compile(r"(^|[._])(embed\w*|shared|\w*norm\w*|bias\w*|language)([._]|$)")


@dataclass
class Bucket:
    """Parameters with one working type and one rule of optimisation.

    Attributes:
        names, shapes, offsets: of the parameters inside.
        decayed: whether weight decay applies.
        matrices: whether all are matrices of hidden layers, which Muon may move.
        rate_share: learning rate as a share of the training's.
        stacked: how many projections are fused, by rows, in each parameter.
        working, gradient: flat, in the working type: what the model computes with.
        master, master_gradient: flat, fp32: what the optimizer sees; the same tensors where the working type is fp32.
    """

    names: list[str]
    shapes: list[torch.Size]
    offsets: list[int]
    decayed: bool
    matrices: bool
    rate_share: float
    stacked: list[int]
    working: Tensor
    gradient: Tensor
    master: Tensor
    master_gradient: Tensor

    @property
    def key(self) -> str:
        """Name of the bucket in checkpoints."""
        rule = "matrices" if self.matrices else "decayed" if self.decayed else "undecayed"
        share = "" if self.rate_share == 1.0 else f".{self.rate_share:.6g}"
        return f"{rule}.{str(self.working.dtype).removeprefix('torch.')}{share}"

    def views(self, flat: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The parameters' slices of a tensor laid out like this bucket."""
        for name, shape, offset in zip(self.names, self.shapes, self.offsets, strict=True):
            yield name, flat[offset : offset + shape.numel()].view(shape)


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """The working type that `precision` (`auto`, `fp32`, `bf16`) means on a device.

    `auto` is bf16 where the hardware multiplies it: GPUs since Ampere, CPUs with AVX512-BF16 or AMX (2 to 3 times the
    fp32 rate there; emulated elsewhere, and slower than fp32).
    """
    if precision == "auto":
        cpu = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        has_bf16 = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu
        precision = "bf16" if has_bf16 else "fp32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def decays(name: str, parameter: Tensor, embeddings: set[str]) -> bool:
    """Whether weight decay applies: to matrices that are not embeddings, norms or biases."""
    return parameter.ndim >= 2 and name not in embeddings and UNDECAYED.search(name) is None


class Masters:
    """fp32 masters of a model's trainable parameters.

    Args:
        model: already on its device, parameters in fp32; they become views in place.
        working: type the model computes in.
    """

    def __init__(self, model: nn.Module, working: torch.dtype = torch.float32) -> None:
        self.buckets: list[Bucket] = []
        embeddings = {f"{n}.weight" for n, module in model.named_modules() if isinstance(module, nn.Embedding)}
        sorted_in: dict[tuple[bool, bool, torch.dtype, float], dict[str, nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                dtype = torch.float32 if getattr(parameter, "keep_fp32", False) else working
                decayed = decays(name, parameter, embeddings)
                matrix = decayed and not any(getattr(parameter, mark, False) for mark in ("keep_fp32", "is_head"))
                share = getattr(parameter, "rate_share", 1.0)
                sorted_in.setdefault((decayed, matrix, dtype, share), {})[name] = parameter
            elif parameter.is_floating_point() and not getattr(parameter, "keep_fp32", False):
                parameter.data = parameter.data.to(working)
        for key, parameters in sorted(sorted_in.items(), key=str):
            self.buckets.append(_make_bucket(parameters, *key))

    @torch.no_grad()
    def collect(self) -> None:
        """Add the micro-batch's gradients to the masters' and clear them. Nothing to do where both are one tensor."""
        for bucket in self.buckets:
            if bucket.gradient is not bucket.master_gradient:
                bucket.master_gradient.add_(bucket.gradient)
                bucket.gradient.zero_()

    @torch.no_grad()
    def clear_gradients(self) -> None:
        """Set all gradients to zero; they stay views of the flat tensors."""
        for bucket in self.buckets:
            bucket.master_gradient.zero_()

    @torch.no_grad()
    def publish(self) -> None:
        """Copy the masters into the working weights."""
        for bucket in self.buckets:
            if bucket.working is not bucket.master:
                bucket.working.copy_(bucket.master)

    def gradient_norm(self) -> Tensor:
        """Global L2 norm of the masters' gradients: scalar on the device, nothing is waited for."""
        norms = [torch.linalg.vector_norm(bucket.master_gradient) for bucket in self.buckets]
        return torch.linalg.vector_norm(torch.stack(norms))

    def layout(self) -> dict[str, list[list[object]]]:
        """Names and shapes in each bucket: a checkpoint of another model is told apart by it."""
        return {b.key: [[n, list(s)] for n, s in zip(b.names, b.shapes, strict=True)] for b in self.buckets}


def _make_bucket(
    parameters: dict[str, nn.Parameter], decayed: bool, matrices: bool, dtype: torch.dtype, rate_share: float
) -> Bucket:
    offsets, size = [], 0
    for parameter in parameters.values():
        offsets.append(size)
        size += -(-parameter.numel() // ALIGNMENT) * ALIGNMENT
    device = next(iter(parameters.values())).device
    master = torch.zeros(size, dtype=torch.float32, device=device)
    gradient = torch.zeros(size, dtype=torch.float32, device=device)
    shapes = [parameter.shape for parameter in parameters.values()]
    stacked = [getattr(parameter, "stacked", 1) for parameter in parameters.values()]
    laid_out = list(parameters), shapes, offsets, decayed, matrices, rate_share, stacked
    bucket = Bucket(*laid_out, master, gradient, master, gradient)
    for (_, slice_), parameter in zip(bucket.views(master), parameters.values(), strict=True):
        slice_.copy_(parameter.data)
    if dtype != torch.float32:
        bucket.working, bucket.gradient = master.to(dtype), torch.zeros_like(gradient, dtype=dtype)
    slices = zip(bucket.views(bucket.working), bucket.views(bucket.gradient), parameters.values(), strict=True)
    for (_, weight), (_, gradient_view), parameter in slices:
        parameter.data = weight
        parameter.grad = gradient_view
    return bucket
