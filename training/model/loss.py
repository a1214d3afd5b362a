"""Cross-entropy of a tied output layer without ever holding all logits.

For 4,000 target tokens and 24,000 pieces the logits are 384 MB in float32, their gradient as much again. Here a slice
of tokens at a time is multiplied, turned into loss and gradient, and forgotten; loss and gradients are exact.
(The idea: Liger Kernel's fused linear cross-entropy, arXiv 2410.10989.)

T target tokens, D width, V vocabulary.
"""

from typing import Any, Final

import torch
from torch import Tensor

IGNORED: Final = -100
SLICE_ELEMENTS: Final = {"cpu": 2**21, "cuda": 2**27}  # logits per slice: cache-sized on a CPU, enough work on a GPU


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x_TD: Tensor, weight_VD: Tensor, labels_T: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        slice_tokens = max(1, SLICE_ELEMENTS.get(x_TD.device.type, 2**24) // len(weight_VD))
        loss = torch.zeros((), dtype=torch.float32, device=x_TD.device)
        nll, hits = loss.clone(), loss.clone()
        wants_gradient = any(ctx.needs_input_grad[:2])
        grad_x_TD = torch.empty_like(x_TD) if wants_gradient else None
        grad_weight_VD = torch.zeros_like(weight_VD, dtype=torch.float32) if wants_gradient else None
        for start in range(0, len(x_TD), slice_tokens):
            part = slice(start, start + slice_tokens)
            logits_TV = (x_TD[part] @ weight_VD.t()).float()
            labels = labels_T[part].unsqueeze(1)
            log_total_T1 = logits_TV.logsumexp(-1, keepdim=True)
            gold_T1 = logits_TV.gather(1, labels)
            nll += (log_total_T1 - gold_T1).sum()
            hits += (gold_T1 >= logits_TV.max(-1, keepdim=True).values).sum()
            loss += (log_total_T1 - (1 - smoothing) * gold_T1).sum()
            if smoothing:
                loss -= smoothing * logits_TV.mean(-1).sum()
            if grad_x_TD is not None and grad_weight_VD is not None:
                grad_TV = logits_TV.sub_(log_total_T1).exp_().sub_(smoothing / len(weight_VD))
                grad_TV.scatter_add_(1, labels, torch.full_like(gold_T1, smoothing - 1))
                grad_TV = grad_TV.to(weight_VD.dtype)
                torch.mm(grad_TV, weight_VD, out=grad_x_TD[part])
                grad_weight_VD += grad_TV.t() @ x_TD[part]
        if grad_x_TD is not None and grad_weight_VD is not None:
            ctx.save_for_backward(grad_x_TD, grad_weight_VD.to(weight_VD.dtype))
        ctx.mark_non_differentiable(nll, hits)
        return loss, nll, hits

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor, Tensor, None, None]:  # type: ignore[override]
        grad_x_TD, grad_weight_VD = ctx.saved_tensors
        return grad_x_TD * grad.to(grad_x_TD.dtype), grad_weight_VD * grad.to(grad_weight_VD.dtype), None, None


def linear_cross_entropy(
    x_TD: Tensor, weight_VD: Tensor, labels_T: Tensor, smoothing: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum over tokens of the label-smoothed cross-entropy of `x_TD @ weight_VD.T`.

    Args:
        x_TD: decoder output, (T, D).
        weight_VD: output layer, (V, D), same dtype.
        labels_T: vocabulary ids, -100 where there is nothing to predict.
        smoothing: share of the target probability spread evenly over the vocabulary.

    Returns:
        (loss, negative log-likelihood in nats without smoothing, tokens predicted right): float32 sums; only the first
        has a gradient.
    """
    kept = labels_T != IGNORED
    return _LinearCrossEntropy.apply(x_TD[kept], weight_VD, labels_T[kept], smoothing)
