"""Layers of a student from layers of its teacher: which, and how a mixture of experts becomes dense.

With more layers than the teacher has, its layers are spread evenly and those between them start as no change at all:
what they add to the residual stream is zero until it is learnt (as in LLaMA Pro, arXiv 2401.02415; a layer taken twice
would undo the start). A mixture becomes dense in two steps:

- with every gate fixed at its expert's mean share of the load, the mixture *is* one wide feed-forward: the inner units
  of all experts side by side, outgoing weights scaled by the share (ReLU is positively homogeneous), and the shared
  expert's units beside them;
- of these units the student keeps as many as it has room for: those of largest |in| x |out|. Averaging experts' weights
  instead would mix units that have nothing to do with one another.
"""

import torch
from torch import Tensor, nn
from transformers.models.m2m_100.modeling_m2m_100 import M2M100Attention, M2M100DecoderLayer, M2M100EncoderLayer

from training.model.layers import DecoderLayer, EncoderLayer, FeedForward, MoeFeedForward


def chosen_layers(available: int, wanted: int) -> list[int | None]:
    """Which of the teacher's layers each layer of the student starts from; None for one between those of the teacher.

    Spread evenly, the first and the last included. A single layer starts from the last one, which is nearest to the
    output; a teacher's single layer starts the last one.
    """
    if wanted <= available:
        return [*_spread(wanted, available)]
    places = dict(zip(_spread(available, wanted), range(available), strict=True))
    return [places.get(layer) for layer in range(wanted)]


def _spread(count: int, length: int) -> list[int]:
    """`count` of `length` places, evenly."""
    if count == 1:
        return [length - 1]
    return [round(place * (length - 1) / (count - 1)) for place in range(count)]


@torch.no_grad()
def pass_through(layer: nn.Module) -> None:
    """Let a layer add nothing: ways in stay random, ways out start at zero and learn first."""
    assert isinstance(layer, M2M100EncoderLayer | M2M100DecoderLayer)
    ways_out = [layer.self_attn.out_proj, layer.fc2]
    if isinstance(layer, M2M100DecoderLayer):
        ways_out.append(layer.encoder_attn.out_proj)
    for linear in ways_out:
        linear.weight.zero_()
        linear.bias.zero_()


@torch.no_grad()
def copy_layer(ours: nn.Module, theirs: nn.Module, load_E: Tensor | None) -> None:
    """Start a layer from one of a teacher of the same width; `load_E` as in `copy_feed_forward`."""
    assert isinstance(ours, M2M100EncoderLayer | M2M100DecoderLayer)
    assert isinstance(theirs, EncoderLayer | DecoderLayer)
    own, attention = ours.self_attn, theirs.self_attention
    ours.self_attn_layer_norm.load_state_dict(theirs.self_attention_norm.state_dict())
    _copy_projections([own.q_proj, own.k_proj, own.v_proj], attention.qkv_proj)
    own.out_proj.load_state_dict(attention.out_proj.state_dict())
    if isinstance(ours, M2M100DecoderLayer) and isinstance(theirs, DecoderLayer):
        _copy_cross(ours.encoder_attn, theirs)
        ours.encoder_attn_layer_norm.load_state_dict(theirs.cross_attention_norm.state_dict())
    ours.final_layer_norm.load_state_dict(theirs.feed_forward_norm.state_dict())
    copy_feed_forward(ours.fc1, ours.fc2, theirs.feed_forward, load_E)


def _copy_cross(ours: M2M100Attention, theirs: DecoderLayer) -> None:
    ours.q_proj.load_state_dict(theirs.cross_attention.q_proj.state_dict())
    _copy_projections([ours.k_proj, ours.v_proj], theirs.cross_attention.kv_proj)
    ours.out_proj.load_state_dict(theirs.cross_attention.out_proj.state_dict())


def _copy_projections(ours: list[nn.Linear], fused: nn.Linear) -> None:
    weights, biases = fused.weight.chunk(len(ours)), fused.bias.chunk(len(ours))
    for linear, weight, bias in zip(ours, weights, biases, strict=True):
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)


@torch.no_grad()
def copy_feed_forward(
    fc1: nn.Linear, fc2: nn.Linear, theirs: FeedForward | MoeFeedForward, load_E: Tensor | None = None
) -> None:
    """Make `fc2(relu(fc1(x)))` the teacher's feed-forward, cut or filled up to the inner width of `fc1`.

    Units to spare keep their random way in and have no way out, so they change nothing until they are trained.

    Args:
        load_E: share of the tokens that each expert gets; None for equal shares.
    """
    keep_units(fc1, fc2, *dense_units(theirs, load_E))


@torch.no_grad()
def keep_units(fc1: nn.Linear, fc2: nn.Linear, up_UD: Tensor, bias_U: Tensor, down_DU: Tensor, bias_D: Tensor) -> None:
    """Fill a feed-forward with the most important of U units; see `copy_feed_forward`."""
    importance_U = up_UD.norm(dim=1) * down_DU.norm(dim=0)
    kept = importance_U.argsort(descending=True, stable=True)[: fc1.out_features].sort().values
    count = len(kept)
    fc1.weight[:count], fc1.bias[:count] = up_UD[kept], bias_U[kept]
    fc2.weight.zero_()
    fc2.weight[:, :count] = down_DU[:, kept]
    fc2.bias.copy_(bias_D)


def dense_units(
    feed_forward: FeedForward | MoeFeedForward, load_E: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A feed-forward as one dense network of U units: in (U, D), its bias (U,), out (D, U), its bias (D,).

    Of a mixture: all experts' units with the gates fixed at the load, and the shared expert's.
    """
    if isinstance(feed_forward, FeedForward):
        first, second = feed_forward.up_proj, feed_forward.down_proj
        return first.weight, first.bias, second.weight, second.bias
    experts = feed_forward.experts
    count = len(experts.up_EFD)
    share_E = torch.full((count,), 1 / count) if load_E is None else load_E / load_E.sum()
    share_E = share_E.to(experts.up_EFD)
    up, bias = [experts.up_EFD.flatten(0, 1)], [experts.up_bias_EF.flatten()]
    out = [(experts.down_EDF * share_E[:, None, None]).permute(1, 0, 2).flatten(1)]
    bias_D = (experts.down_bias_ED * share_E[:, None]).sum(0)
    if feed_forward.shared_expert is not None:
        shared = feed_forward.shared_expert
        up.append(shared.up_proj.weight)
        bias.append(shared.up_proj.bias)
        out.append(shared.down_proj.weight)
        bias_D = bias_D + shared.down_proj.bias
    return torch.cat(up), torch.cat(bias), torch.cat(out, dim=1), bias_D
