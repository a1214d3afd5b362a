"""Which experts a token visits: token term + language term, balanced by a bias that is used for choosing only.

    scores_NE  = sigmoid(x_ND W_DE + language_BL T_LE)
    chosen_NK  = top-k(scores_NE + bias_E)            the bias has no gradient and does not weigh the output
    weights_NK = scores at the chosen, normalised to sum 1

After each update every expert's bias moves a fixed step up where it had less than the mean load, down where more
(auxiliary-loss-free balancing, DeepSeek-V3, arXiv 2412.19437, eq. 16), so no gradient works against translation.
The router computes in float32 whatever the model's precision: in bf16 near ties flip (measured error 8 times larger).

N tokens, D width, E experts, K chosen, B messages, L languages.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.model.configuration import ParleyMoeConfig


class Routing(NamedTuple):
    """Experts and weights for every token: both (N, K); `z_loss` is the mean over the tokens that count, a scalar."""

    experts_NK: Tensor
    weights_NK: Tensor
    z_loss: Tensor


class Router(nn.Module):
    """Token and language decide the experts.

    Attributes:
        load_E: tokens each expert received since the last `update_bias`, padding left out.
    """

    bias_E: Tensor
    load_E: Tensor
    last_load_E: Tensor

    def __init__(self, config: ParleyMoeConfig) -> None:
        super().__init__()
        self.chosen = config.experts_per_token
        self.bias_rate = config.router_bias_rate
        self.weight = nn.Parameter(torch.empty(config.num_experts, config.d_model))
        self.weight.keep_fp32 = True  # type: ignore[attr-defined]
        self.language = None
        if config.router_language_term:
            self.language = nn.Parameter(torch.empty(len(config.languages or ()), config.num_experts))
            self.language.keep_fp32 = True  # type: ignore[attr-defined]
        self.register_buffer("bias_E", torch.zeros(config.num_experts))
        self.register_buffer("load_E", torch.zeros(config.num_experts), persistent=False)
        self.register_buffer("last_load_E", torch.zeros(config.num_experts), persistent=False)

    def forward(self, x_ND: Tensor, language_BL: Tensor, counts_N: Tensor) -> Routing:
        """Choose experts.

        Args:
            x_ND: tokens of B messages, message after message, N / B each.
            language_BL: weight of each language for each message; rows sum to 1.
            counts_N: 1 for tokens that count towards load and z-loss, 0 for padding.
        """
        with torch.autocast(x_ND.device.type, enabled=False):
            logits_NE = x_ND.float() @ self.weight.float().t()
            if self.language is not None:
                term_BE = language_BL.float() @ self.language.float()
                logits_NE = logits_NE + term_BE.repeat_interleave(len(x_ND) // len(language_BL), dim=0)
            scores_NE = logits_NE.sigmoid()
            experts_NK = (scores_NE + self.bias_E).topk(self.chosen, dim=-1).indices
            weights_NK = scores_NE.gather(1, experts_NK)
            weights_NK = weights_NK / weights_NK.sum(-1, keepdim=True)
            z_loss = (logits_NE.logsumexp(-1).square() * counts_N).sum() / counts_N.sum().clamp(min=1)
        if self.training:
            self._count(experts_NK, counts_N)
        return Routing(experts_NK, weights_NK, z_loss)

    @torch.no_grad()
    def _count(self, experts_NK: Tensor, counts_N: Tensor) -> None:
        counts_NK = counts_N.to(self.load_E.dtype).unsqueeze(1).expand_as(experts_NK)
        self.load_E.scatter_add_(0, experts_NK.reshape(-1), counts_NK.reshape(-1))

    @torch.no_grad()
    def update_bias(self) -> None:
        """Move the selection bias one step against the load counted since the last call; start counting anew."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(self.load_E)
        self.bias_E += self.bias_rate * torch.sign(self.load_E.mean() - self.load_E)
        self.last_load_E.copy_(self.load_E)
        self.load_E.zero_()
