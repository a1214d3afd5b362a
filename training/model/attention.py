"""Multi-head attention over fused projections, with a key-value cache from `transformers`.

Short chat messages on a CPU are faster with plain matmuls than with `scaled_dot_product_attention` (about 1.5 times in
training); on CUDA the fused kernel is used. Both give the same result to rounding.

B messages, T query positions, S key positions, H heads, D width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import EncoderDecoderCache
from transformers.cache_utils import CacheLayerMixin

FEW = 12  # one query and so few keys: elementwise products take half the time of PyTorch's kernel for tiny matmuls


def attend(q_BHTd: Tensor, k_BHSd: Tensor, v_BHSd: Tensor, bias: Tensor | None, causal: bool = False) -> Tensor:
    """Scaled dot-product attention, heads side by side in the result: (B, T, D).

    Args:
        bias: added to the scores, broadcast to (B, H, T, S); None for nothing to hide.
        causal: hide later positions; T and S then end at the same position.
    """
    if q_BHTd.is_cuda:
        is_causal = causal and q_BHTd.shape[2] == k_BHSd.shape[2]
        y_BHTd = F.scaled_dot_product_attention(q_BHTd, k_BHSd, v_BHSd, attn_mask=bias, is_causal=is_causal)
    elif q_BHTd.shape[2] == 1 and k_BHSd.shape[2] <= FEW and not q_BHTd.requires_grad:
        y_BHTd = _attend_to_few(q_BHTd, k_BHSd, v_BHSd, bias)
    else:
        scores_BHTS = torch.matmul(q_BHTd * q_BHTd.shape[-1] ** -0.5, k_BHSd.transpose(2, 3))
        if causal and q_BHTd.shape[2] > 1:
            bias = _causal_bias(q_BHTd.shape[2], k_BHSd.shape[2], q_BHTd)
        if bias is not None:
            scores_BHTS = scores_BHTS + bias
        y_BHTd = torch.matmul(scores_BHTS.softmax(-1), v_BHSd)
    return y_BHTd.transpose(1, 2).flatten(2)


def _attend_to_few(q_BH1d: Tensor, k_BHSd: Tensor, v_BHSd: Tensor, bias: Tensor | None) -> Tensor:
    scores_BHS1 = (q_BH1d * q_BH1d.shape[-1] ** -0.5 * k_BHSd).sum(-1, keepdim=True)
    if bias is not None:
        scores_BHS1 = scores_BHS1 + bias.transpose(2, 3)
    return (scores_BHS1.softmax(2) * v_BHSd).sum(2, keepdim=True)


def _causal_bias(queries: int, keys: int, like: Tensor) -> Tensor:
    hidden = torch.ones(queries, keys, dtype=torch.bool, device=like.device).triu(keys - queries + 1)
    return torch.zeros(queries, keys, dtype=like.dtype, device=like.device).masked_fill(hidden, float("-inf"))


def padding_bias(mask_BS: Tensor, dtype: torch.dtype) -> Tensor:
    """Attention bias (B, 1, 1, S) that hides the positions where `mask_BS` is 0."""
    return (1.0 - mask_BS[:, None, None, :].to(dtype)) * torch.finfo(dtype).min


class SelfAttention(nn.Module):
    """Attention of a sequence to itself; `layer` is this layer's place in the cache."""

    def __init__(self, width: int, heads: int, layer: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.layer, self.causal = heads, layer, causal
        self.qkv_proj = nn.Linear(width, 3 * width)
        self.qkv_proj.weight.stacked = 3  # type: ignore[attr-defined]  # three projections, to an optimizer of matrices
        self.out_proj = nn.Linear(width, width)

    def forward(self, x_BTD: Tensor, bias: Tensor | None, cache: EncoderDecoderCache | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D). With a cache, earlier positions' keys and values come from it. A causal layer hides
        later positions, unless a `bias` says what is hidden."""
        qkv = self.qkv_proj(x_BTD).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        if cache is not None:
            k, v = cache.self_attention_cache.update(k, v, self.layer)
        return self.out_proj(attend(q, k, v, bias, self.causal and bias is None))


class CrossAttention(nn.Module):
    """Attention of the decoder to the encoder's output."""

    def __init__(self, width: int, heads: int, layer: int) -> None:
        super().__init__()
        self.heads, self.layer = heads, layer
        self.q_proj = nn.Linear(width, width)
        self.kv_proj = nn.Linear(width, 2 * width)
        self.kv_proj.weight.stacked = 2  # type: ignore[attr-defined]
        self.out_proj = nn.Linear(width, width)

    def forward(
        self, x_BTD: Tensor, encoded_BSD: Tensor, bias: Tensor | None, cache: EncoderDecoderCache | None = None
    ) -> Tensor:
        """(B, T, D) -> (B, T, D). Keys and values are constant across decoder steps, so cached at the first."""
        q = self.q_proj(x_BTD).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self._keys_values(encoded_BSD, cache)
        return self.out_proj(attend(q, k, v, bias))

    def _keys_values(self, encoded_BSD: Tensor, cache: EncoderDecoderCache | None) -> tuple[Tensor, Tensor]:
        if cache is not None and cache.is_updated.get(self.layer):
            stored = cache.cross_attention_cache.layers[self.layer]
            assert isinstance(stored, CacheLayerMixin)
            assert stored.keys is not None
            assert stored.values is not None
            return stored.keys, stored.values
        k, v = self.kv_proj(encoded_BSD).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        if cache is not None:
            k, v = cache.cross_attention_cache.update(k, v, self.layer)
            cache.is_updated[self.layer] = True
        return k, v
