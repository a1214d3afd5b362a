"""E feed-forward networks in three stacked tensors, each token through K of them; nothing is ever dropped.

Tokens are sorted by expert, each expert multiplies its own contiguous slice, and the slices go back to their places.
Two equal ways to multiply: `grouped` is one grouped matmul (bf16 on CUDA), `loop` one matmul an expert (anywhere).
In the loop the weights are taken apart by `unbind`: indexing `W[e]` makes a full-size zero gradient per expert, which
measured 3 to 5 times slower. The two permutations have gathers for gradients instead of scatter-adds.

N tokens, D width, F inner width, E experts, K chosen, M = N K token-expert pairs sorted by expert.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.model.configuration import ParleyMoeConfig


class _Dispatch(torch.autograd.Function):
    """x_MD = x_ND at the token of each pair; the gradient gathers a token's K pairs and sums them."""

    @staticmethod
    def forward(ctx: Any, x_ND: Tensor, order_M: Tensor, place_NK: Tensor) -> Tensor:
        ctx.save_for_backward(place_NK)
        return x_ND[order_M // place_NK.shape[1]]

    @staticmethod
    def backward(ctx: Any, grad_MD: Tensor) -> tuple[Tensor, None, None]:
        (place_NK,) = ctx.saved_tensors
        return grad_MD[place_NK.reshape(-1)].view(*place_NK.shape, -1).sum(1), None, None


class _Combine(torch.autograd.Function):
    """y_ND = the weighted sum of a token's K pairs; gradients for the pairs and for the weights."""

    @staticmethod
    def forward(ctx: Any, y_MD: Tensor, weights_NK: Tensor, order_M: Tensor, place_NK: Tensor) -> Tensor:
        y_NKD = y_MD[place_NK.reshape(-1)].view(*place_NK.shape, -1)
        ctx.save_for_backward(y_NKD, weights_NK, order_M)
        return torch.einsum("nkd,nk->nd", y_NKD, weights_NK.to(y_MD.dtype))

    @staticmethod
    def backward(ctx: Any, grad_ND: Tensor) -> tuple[Tensor, Tensor, None, None]:
        y_NKD, weights_NK, order_M = ctx.saved_tensors
        weights_M = weights_NK.reshape(-1)[order_M].to(grad_ND.dtype)
        grad_MD = grad_ND[order_M // weights_NK.shape[1]] * weights_M.unsqueeze(1)
        grad_NK = torch.einsum("nd,nkd->nk", grad_ND, y_NKD).to(weights_NK.dtype)
        return grad_MD, grad_NK, None, None


class Experts(nn.Module):
    """The routed experts of one layer: ReLU networks `D -> F -> D` with biases."""

    def __init__(self, config: ParleyMoeConfig) -> None:
        super().__init__()
        count, width, inner = config.num_experts, config.d_model, config.expert_ffn_dim
        self.implementation = config.experts_implementation
        self.chosen = config.experts_per_token
        self.up_EFD = nn.Parameter(torch.empty(count, inner, width))
        self.up_bias_EF = nn.Parameter(torch.zeros(count, inner))
        self.down_EDF = nn.Parameter(torch.empty(count, width, inner))
        self.down_bias_ED = nn.Parameter(torch.zeros(count, width))

    def forward(self, x_ND: Tensor, experts_NK: Tensor, weights_NK: Tensor) -> Tensor:
        """Mix the chosen experts' outputs: (N, D). `experts_NK` are indices, `weights_NK` the mixing weights."""
        flat_M = experts_NK.reshape(-1)
        order_M = flat_M.argsort(stable=True)
        place_NK = torch.empty_like(order_M).scatter_(0, order_M, torch.arange(len(order_M), device=x_ND.device))
        place_NK = place_NK.view_as(experts_NK)
        x_MD = _Dispatch.apply(x_ND, order_M, place_NK)
        run = self._grouped if self._use_grouped(x_ND) else self._loop
        y_MD = run(x_MD, flat_M[order_M])
        return _Combine.apply(y_MD, weights_NK, order_M, place_NK)

    def _use_grouped(self, x_ND: Tensor) -> bool:
        if self.implementation == "auto":
            return x_ND.is_cuda and x_ND.dtype == torch.bfloat16
        return self.implementation == "grouped"

    def _loop(self, x_MD: Tensor, experts_M: Tensor) -> Tensor:
        slices = x_MD.split(torch.bincount(experts_M, minlength=len(self.up_EFD)).tolist())
        stacks = zip(
            *(w.unbind(0) for w in (self.up_EFD, self.up_bias_EF, self.down_EDF, self.down_bias_ED)), strict=True
        )
        return torch.cat(
            [
                F.linear(F.relu(F.linear(x, up_FD, up_bias_F)), down_DF, down_bias_D)
                for x, (up_FD, up_bias_F, down_DF, down_bias_D) in zip(slices, stacks, strict=True)
                if len(x)
            ]
        )

    def _grouped(self, x_MD: Tensor, experts_M: Tensor) -> Tensor:
        one_hot_ME = F.one_hot(experts_M, len(self.up_EFD)).to(x_MD.dtype)
        ends_E = one_hot_ME.sum(0, dtype=torch.int32).cumsum(0, dtype=torch.int32)
        # Biases by a thin matmul: its gradient is a matmul too, where indexing would scatter M rows into E.
        h_MF = F.grouped_mm(x_MD, self.up_EFD.transpose(1, 2), offs=ends_E) + one_hot_ME @ self.up_bias_EF
        return F.grouped_mm(F.relu(h_MF), self.down_EDF.transpose(1, 2), offs=ends_E) + one_hot_ME @ self.down_bias_ED
