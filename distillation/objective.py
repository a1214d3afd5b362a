"""Cross-entropy mixed with the KL divergence from a teacher, without ever holding all logits.

The teacher is known by the probabilities of K pieces and the mass of all others, the tail. With q the student's
distribution, both at temperature t,

    KL = sum_k p_k log(p_k / q_k) + p_tail log(p_tail / q_tail),        q_tail = 1 - sum_k q_k

which equals KL(p || q) for K = V and is a lower bound of it otherwise (log-sum inequality: pieces are lumped
together). Its gradient at a piece's logit is (q - p) / t on the K pieces, q (1 - p_tail / q_tail) / t on the others.
The loss is

    alpha t^2 KL + (1 - alpha) CE                                        (Hinton et al., 2015, arXiv 1503.02531)

As in `training.model.loss`, a slice of tokens at a time is multiplied, turned into loss and gradient, and forgotten.
The tail's mass is summed from the tail's own probabilities: 1 - sum_k q_k would lose it to the rounding of bf16.

T target tokens, D width, V vocabulary, K kept pieces.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from training.model.loss import IGNORED, SLICE_ELEMENTS

TINY: Final = 1e-30


@dataclass(frozen=True)
class TeacherTargets:
    """What the teacher says about T target tokens; pieces in a row are distinct.

    Attributes:
        ids_TK: pieces, int64.
        probabilities_TK: float32, at the temperature of the targets.
        tail_T: mass of all other pieces, float32.
    """

    ids_TK: Tensor
    probabilities_TK: Tensor
    tail_T: Tensor

    def select(self, rows: Tensor) -> "TeacherTargets":
        """The targets of some tokens."""
        return TeacherTargets(
            *(part.index_select(0, rows) for part in (self.ids_TK, self.probabilities_TK, self.tail_T))
        )

    def to(self, device: torch.device | str) -> "TeacherTargets":
        """The same on a device."""
        parts = (self.ids_TK, self.probabilities_TK, self.tail_T)
        return TeacherTargets(*(part.to(device, non_blocking=True) for part in parts))


class DistillationLoss(NamedTuple):
    """Float32 sums over tokens, in nats; only `total` has a gradient.

    Attributes:
        total: the mixture that is optimised.
        divergence: KL, without t^2.
        nll: negative log-likelihood of the labels.
    """

    total: Tensor
    divergence: Tensor
    nll: Tensor


class _LinearDistillation(torch.autograd.Function):
    """The three sums; the gradient of the first is made on the way."""

    @staticmethod
    def forward(
        ctx: Any,
        x_TD: Tensor,
        weight_VD: Tensor,
        labels_T: Tensor,
        ids_TK: Tensor,
        p_TK: Tensor,
        tail_T: Tensor,
        alpha: float,
        temperature: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        slice_tokens = max(1, SLICE_ELEMENTS.get(x_TD.device.type, 2**24) // len(weight_VD))
        wants_gradient = any(ctx.needs_input_grad[:2])
        sums = torch.zeros(2, dtype=torch.float32, device=x_TD.device)
        grad_x_TD = torch.empty_like(x_TD)
        grad_weight_VD = torch.zeros_like(weight_VD, dtype=torch.float32) if wants_gradient else None
        for start in range(0, len(x_TD), slice_tokens):
            part = slice(start, start + slice_tokens)
            x, targets = x_TD[part], TeacherTargets(ids_TK[part], p_TK[part], tail_T[part])
            sums_2, grad_TV = _slice_loss(x @ weight_VD.t(), labels_T[part], targets, alpha, temperature)
            sums += sums_2
            if grad_weight_VD is not None:
                torch.mm(grad_TV, weight_VD, out=grad_x_TD[part])
                grad_weight_VD += grad_TV.t() @ x
        if grad_weight_VD is not None:
            ctx.save_for_backward(grad_x_TD, grad_weight_VD.to(weight_VD.dtype))
        divergence, nll = sums[0].clone(), sums[1].clone()
        ctx.mark_non_differentiable(divergence, nll)
        return alpha * temperature**2 * divergence + (1 - alpha) * nll, divergence, nll

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        grad_x_TD, grad_weight_VD = ctx.saved_tensors
        scale = grads[0]
        return grad_x_TD * scale.to(grad_x_TD.dtype), grad_weight_VD * scale.to(grad_weight_VD.dtype), *[None] * 6


def _slice_loss(
    logits_TV: Tensor, labels_T: Tensor, targets: TeacherTargets, alpha: float, temperature: float
) -> tuple[Tensor, Tensor]:
    """(KL, nll) of a slice and the gradient of the mixture at its logits. One softmax serves both at temperature 1."""
    labels_T1 = labels_T.unsqueeze(1)
    q_TV = logits_TV.softmax(-1) if temperature == 1 else (logits_TV / temperature).softmax(-1)
    plain_TV = q_TV if temperature == 1 else logits_TV.softmax(-1)
    nll = -plain_TV.gather(1, labels_T1).float().clamp(min=TINY).log().sum()
    q_TK = q_TV.gather(1, targets.ids_TK).float()
    q_TV.scatter_(1, targets.ids_TK, 0.0)
    q_tail_T = q_TV.sum(-1, dtype=torch.float32).clamp(min=TINY)
    divergence = _divergence(targets, q_TK, q_tail_T)
    tail_ratio_T1 = (targets.tail_T / q_tail_T).unsqueeze(1)
    if temperature == 1:  # alpha (q - target) + (1 - alpha) (q - label) = q - alpha target - (1 - alpha) label
        grad_TV = q_TV.mul_((1 - alpha * tail_ratio_T1).to(q_TV.dtype))
        grad_TV.scatter_(1, targets.ids_TK, (q_TK - alpha * targets.probabilities_TK).to(q_TV.dtype))
    else:
        grad_TV = q_TV.mul_((alpha * temperature * (1 - tail_ratio_T1)).to(q_TV.dtype))
        at_k_TK = alpha * temperature * (q_TK - targets.probabilities_TK)
        grad_TV.scatter_(1, targets.ids_TK, at_k_TK.to(q_TV.dtype))
        grad_TV.add_(plain_TV, alpha=1 - alpha)
    grad_TV.scatter_add_(1, labels_T1, torch.full_like(labels_T1, alpha - 1, dtype=grad_TV.dtype))
    return torch.stack([divergence, nll]), grad_TV


def _divergence(targets: TeacherTargets, q_TK: Tensor, q_tail_T: Tensor) -> Tensor:
    p_TK, tail_T = targets.probabilities_TK, targets.tail_T
    kept = torch.xlogy(p_TK, p_TK) - torch.xlogy(p_TK, q_TK.clamp(min=TINY))
    tail = torch.xlogy(tail_T, tail_T) - torch.xlogy(tail_T, q_tail_T)
    return kept.sum() + tail.sum()


def linear_distillation(
    x_TD: Tensor,
    weight_VD: Tensor,
    labels_T: Tensor,
    targets: TeacherTargets,
    alpha: float,
    temperature: float = 1.0,
) -> DistillationLoss:
    """Sum over tokens of alpha t^2 KL(teacher || student) + (1 - alpha) cross-entropy of `x_TD @ weight_VD.T`.

    Args:
        x_TD: decoder output, (T, D).
        weight_VD: output layer, (V, D), same dtype.
        labels_T: vocabulary ids, -100 where there is nothing to predict.
        targets: of the tokens that have a label, in their order.
        alpha: weight of the teacher, 0 to 1.
        temperature: the one that the targets were made at.

    Raises:
        ValueError: not one target for each label.
    """
    kept = (labels_T != IGNORED).nonzero().squeeze(1)
    if len(kept) != len(targets.ids_TK):
        raise ValueError(f"{len(targets.ids_TK)} targets for {len(kept)} labels")
    device = x_TD.device.type
    if torch.is_autocast_enabled(device):
        x_TD, weight_VD = (tensor.to(torch.get_autocast_dtype(device)) for tensor in (x_TD, weight_VD))
    with torch.autocast(device, enabled=False):
        return DistillationLoss(
            *_LinearDistillation.apply(
                x_TD.index_select(0, kept), weight_VD, labels_T[kept], targets.ids_TK, targets.probabilities_TK,
                targets.tail_T, alpha, temperature,
            )
        )  # fmt: skip


@torch.no_grad()
def teacher_targets(x_TD: Tensor, weight_VD: Tensor, kept: int, temperature: float = 1.0) -> TeacherTargets:
    """The teacher's distributions from its decoder output, cut to the `kept` likeliest pieces.

    Args:
        x_TD: the teacher's decoder output, (T, D).
        weight_VD: its output layer, (V, D).
        kept: K, pieces kept for each token; the vocabulary size keeps everything.
    """
    kept = min(kept, len(weight_VD))
    slice_tokens = max(1, SLICE_ELEMENTS.get(x_TD.device.type, 2**24) // len(weight_VD))
    parts = [_likeliest((x @ weight_VD.t()).float() / temperature, kept) for x in x_TD.split(slice_tokens)]
    return TeacherTargets(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _likeliest(logits_TV: Tensor, kept: int) -> tuple[Tensor, Tensor, Tensor]:
    p_TV = logits_TV.softmax(-1)
    p_TK, ids_TK = p_TV.topk(kept)
    return ids_TK, p_TK, p_TV.scatter(1, ids_TK, 0.0).sum(-1)
