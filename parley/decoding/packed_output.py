"""The vocabulary projection on a CPU, with its weights laid out once for oneDNN's kernel.

`F.linear` in float32 lays the weights out anew at every call. For the few rows of a decoding step that is a third to a
half of the projection's time, and the projection is the largest single product of a step. The results are the same
sums in another order.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

ROWS = 256  # the layout is chosen for about so many rows; any number may come


@contextmanager
def packed_output(model: PreTrainedModel) -> Iterator[None]:
    """Within it the model's output layer uses packed weights, where that is possible: a float32 linear layer on a CPU.

    To be entered with gradients off, else nothing is packed: the packed kernel knows no gradient. The weights are
    copied on entry (a few milliseconds), so they must not change within.
    """
    head = model.get_output_embeddings()
    if not (isinstance(head, nn.Linear) and _can_pack(head.weight)):
        yield
        return
    packed = torch.ops.mkldnn._reorder_linear_weight(head.weight.detach(), ROWS)

    def forward(x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, packed, head.bias, "none", [], "")

    head.forward = forward  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        del head.forward


def _can_pack(weight: Tensor) -> bool:
    known = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    return known and not torch.is_grad_enabled() and weight.device.type == "cpu" and weight.dtype == torch.float32
