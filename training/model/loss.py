"""Cross-entropy of a tied output layer without ever holding all logits.

For 4,000 target tokens and 24,000 pieces the logits are 384 MB in float32, their gradient as much again. Here a slice
of tokens at a time is multiplied, turned into loss and gradient, and forgotten; loss and gradients are exact.
(The idea: Liger Kernel's fused linear cross-entropy, arXiv 2410.10989.)

One fused softmax is the only pass over a slice's logits: the log-sum is recovered from the label's probability, and
label smoothing, being the same for every piece, is added to the gradients as one outer product.

T target tokens, D width, V vocabulary.
"""

from typing import Any, Final

import torch
from torch import Tensor

IGNORED: Final = -100
SLICE_ELEMENTS: Final = {"cpu": 2**21, "cuda": 2**28}  # logits per slice: cache-sized on a CPU, enough work on a GPU


class _LinearCrossEntropy(torch.autograd.Function):
    """Loss (smoothed) and negative log-likelihood (not), both sums; gradients are made on the way."""

    @staticmethod
    def forward(ctx: Any, x_TD: Tensor, weight_VD: Tensor, labels_T: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
        slice_tokens = max(1, SLICE_ELEMENTS.get(x_TD.device.type, 2**24) // len(weight_VD))
        wants_gradient = any(ctx.needs_input_grad[:2])
        mean_weight_D = weight_VD.float().mean(0)
        smooth = torch.zeros((), dtype=torch.float32, device=x_TD.device)  # sum of (label's logit - mean logit)
        nll = smooth.clone()
        grad_x_TD = torch.empty_like(x_TD)
        grad_weight_VD = torch.zeros_like(weight_VD, dtype=torch.float32) if wants_gradient else None
        for start in range(0, len(x_TD), slice_tokens):
            part = slice(start, start + slice_tokens)
            x, labels_T1 = x_TD[part], labels_T[part].unsqueeze(1)
            logits_TV = x @ weight_VD.t()
            smooth += logits_TV.gather(1, labels_T1).float().sum() - (x.float() @ mean_weight_D).sum()
            probabilities_TV = logits_TV.softmax(-1)
            gold_T1 = probabilities_TV.gather(1, labels_T1)
            nll -= gold_T1.float().clamp(min=1e-30).log().sum()
            if grad_weight_VD is not None:
                grad_TV = probabilities_TV.scatter_(1, labels_T1, gold_T1 - (1 - smoothing))
                torch.mm(grad_TV, weight_VD, out=grad_x_TD[part])
                grad_weight_VD += grad_TV.t() @ x
        if grad_weight_VD is not None:
            if smoothing:
                grad_x_TD -= (smoothing * mean_weight_D).to(x_TD.dtype)
                grad_weight_VD -= smoothing / len(weight_VD) * x_TD.float().sum(0)
            ctx.save_for_backward(grad_x_TD, grad_weight_VD.to(weight_VD.dtype))
        ctx.mark_non_differentiable(nll)
        return nll + smoothing * smooth, nll

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, Tensor, None, None]:
        grad_x_TD, grad_weight_VD = ctx.saved_tensors
        return grad_x_TD * grads[0].to(grad_x_TD.dtype), grad_weight_VD * grads[0].to(grad_weight_VD.dtype), None, None


def linear_cross_entropy(
    x_TD: Tensor, weight_VD: Tensor, labels_T: Tensor, smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Sum over tokens of the label-smoothed cross-entropy of `x_TD @ weight_VD.T`.

    Args:
        x_TD: decoder output, (T, D).
        weight_VD: output layer, (V, D), same dtype.
        labels_T: vocabulary ids, -100 where there is nothing to predict.
        smoothing: share of the target probability spread evenly over the vocabulary.

    Returns:
        (loss, negative log-likelihood in nats without smoothing): float32 sums; only the first has a gradient.
    """
    kept = (labels_T != IGNORED).nonzero().squeeze(1)
    device = x_TD.device.type
    if torch.is_autocast_enabled(device):
        x_TD, weight_VD = (tensor.to(torch.get_autocast_dtype(device)) for tensor in (x_TD, weight_VD))
    with torch.autocast(device, enabled=False):
        return _LinearCrossEntropy.apply(x_TD.index_select(0, kept), weight_VD, labels_T[kept], smoothing)


@torch.no_grad()
def tokens_right(x_TD: Tensor, weight_VD: Tensor, labels_T: Tensor) -> Tensor:
    """How many labels are the likeliest piece, a scalar; arguments as above. A pass of its own, for validation."""
    hits = torch.zeros((), dtype=torch.long, device=x_TD.device)
    slice_tokens = max(1, SLICE_ELEMENTS.get(x_TD.device.type, 2**24) // len(weight_VD))
    for x, labels in zip(x_TD.split(slice_tokens), labels_T.split(slice_tokens), strict=True):
        hits += ((x @ weight_VD.t()).argmax(-1) == labels).sum()
    return hits
