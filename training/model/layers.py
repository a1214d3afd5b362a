"""Encoder and decoder layers: pre-norm residual sublayers; the feed-forward is dense or a mixture of experts.

B messages, T positions, N = B T tokens, D width, L languages.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import EncoderDecoderCache
from transformers import initialization as init
from transformers.modeling_layers import GradientCheckpointingLayer

from training.model.attention import CrossAttention, SelfAttention
from training.model.configuration import ParleyMoeConfig
from training.model.experts import Experts
from training.model.router import Router


class Steering(NamedTuple):
    """What the routers of a stack need besides the tokens, the same in all its layers.

    Attributes:
        language_BL: weight of each language for each message (source in the encoder, target in the decoder).
        counts_N: 1 for tokens, 0 for padding.
    """

    language_BL: Tensor
    counts_N: Tensor


def sinusoidal_positions(count: int, width: int) -> Tensor:
    """Position table (count, width) of M2M100 and fairseq: sines, then cosines; its first two rows are never used."""
    half = width // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000) / max(1, half - 1)))
    angles = torch.arange(count, dtype=torch.float32).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def init_linear(module: nn.Linear) -> None:
    """Xavier weights and no bias, as every dense layer begins."""
    init.xavier_uniform_(module.weight)
    if module.bias is not None:
        init.zeros_(module.bias)


class FeedForward(nn.Module):
    """`D -> inner -> D` with ReLU."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.up_proj = nn.Linear(width, inner)
        self.down_proj = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        return self.down_proj(F.relu(self.up_proj(x)))


class MoeFeedForward(nn.Module):
    """Routed experts plus one shared expert that every token visits."""

    def __init__(self, config: ParleyMoeConfig) -> None:
        super().__init__()
        self.masking = config.expert_output_masking
        self.router = Router(config)
        self.experts = Experts(config)
        shared = config.shared_expert_ffn_dim
        self.shared_expert = FeedForward(config.d_model, shared) if shared else None

    def forward(self, x_BTD: Tensor, steering: Steering) -> tuple[Tensor, Tensor]:
        """Output (B, T, D) and the router's z-loss."""
        x_ND = x_BTD.flatten(0, 1)
        experts_NK, weights_NK, z_loss = self.router(x_ND, *steering)
        if self.training and self.masking:
            weights_NK = weights_NK * (torch.rand_like(weights_NK[:, :1]) >= self.masking)
        y_ND = self.experts(x_ND, experts_NK, weights_NK)
        if self.shared_expert is not None:
            y_ND = y_ND + self.shared_expert(x_ND)
        return y_ND.view_as(x_BTD), z_loss


class _Layer(GradientCheckpointingLayer):
    """What both kinds of layer share: self-attention and feed-forward, each normed before and added after."""

    def __init__(self, config: ParleyMoeConfig, layer: int, causal: bool) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.self_attention_norm = nn.LayerNorm(config.d_model)
        self.self_attention = SelfAttention(config.d_model, config.num_attention_heads, layer, causal)
        self.feed_forward_norm = nn.LayerNorm(config.d_model)
        moe = config.is_moe_layer(layer)
        self.feed_forward = MoeFeedForward(config) if moe else FeedForward(config.d_model, config.ffn_dim)

    def _add(self, x_BTD: Tensor, change_BTD: Tensor) -> Tensor:
        return x_BTD + F.dropout(change_BTD, self.dropout, self.training)

    def _feed(self, x_BTD: Tensor, steering: Steering) -> tuple[Tensor, Tensor | None]:
        normed_BTD = self.feed_forward_norm(x_BTD)
        if isinstance(self.feed_forward, MoeFeedForward):
            change_BTD, z_loss = self.feed_forward(normed_BTD, steering)
        else:
            change_BTD, z_loss = self.feed_forward(normed_BTD), None
        return self._add(x_BTD, change_BTD), z_loss


class EncoderLayer(_Layer):
    """Self-attention, feed-forward."""

    def __init__(self, config: ParleyMoeConfig, layer: int) -> None:
        super().__init__(config, layer, causal=False)

    def forward(self, x_BTD: Tensor, bias: Tensor, steering: Steering) -> tuple[Tensor, Tensor | None]:
        """Hidden states (B, T, D) and the z-loss of a MoE layer, None of a dense one."""
        x_BTD = self._add(x_BTD, self.self_attention(self.self_attention_norm(x_BTD), bias))
        return self._feed(x_BTD, steering)


class DecoderLayer(_Layer):
    """Causal self-attention, attention to the encoder, feed-forward."""

    def __init__(self, config: ParleyMoeConfig, layer: int) -> None:
        super().__init__(config, layer, causal=True)
        self.cross_attention_norm = nn.LayerNorm(config.d_model)
        self.cross_attention = CrossAttention(config.d_model, config.num_attention_heads, layer)

    def forward(
        self,
        x_BTD: Tensor,
        encoded_BSD: Tensor,
        bias: Tensor | None,
        steering: Steering,
        cache: EncoderDecoderCache | None = None,
        self_bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Hidden states (B, T, D) and the z-loss of a MoE layer, None of a dense one. `self_bias` takes the place of
        the causal one."""
        x_BTD = self._add(x_BTD, self.self_attention(self.self_attention_norm(x_BTD), self_bias, cache))
        normed_BTD = self.cross_attention_norm(x_BTD)
        x_BTD = self._add(x_BTD, self.cross_attention(normed_BTD, encoded_BSD, bias, cache))
        return self._feed(x_BTD, steering)
