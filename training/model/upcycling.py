"""Start the teacher from a dense M2M100 or NLLB checkpoint: every expert begins as a copy of its layer's feed-forward.

Sparse upcycling (Komatsuzaki et al., 2022, arXiv 2212.05055). The mixing weights sum to 1 and the shared expert begins
with zero output, so the first forward equals the dense model's; the copies part ways as the router sends them
different tokens.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import M2M100ForConditionalGeneration
from transformers.models.m2m_100.modeling_m2m_100 import M2M100DecoderLayer, M2M100EncoderLayer

from parley.pipeline.errors import InputError
from parley.pretrained import load_pretrained
from training.model.layers import DecoderLayer, EncoderLayer, FeedForward, MoeFeedForward
from training.model.modelling import ParleyMoeForConditionalGeneration


def upcycle(model: ParleyMoeForConditionalGeneration, folder: str | Path) -> None:
    """Overwrite `model`'s weights with the dense checkpoint's.

    Raises:
        InputError: no M2M100-shaped checkpoint in the folder, or its width, depth, feed-forward, heads or
            vocabulary differ.
    """
    dense = load_pretrained(
        M2M100ForConditionalGeneration, folder, "dense M2M100 or NLLB checkpoint", local_files_only=True
    )
    _check_shapes(model, dense, folder)
    with torch.no_grad():
        model.shared.weight.copy_(dense.model.shared.weight)
        for ours, theirs in ((model.encoder, dense.model.encoder), (model.decoder, dense.model.decoder)):
            _copy(ours.norm, theirs.layer_norm)
            for our_layer, their_layer in zip(ours.layers, theirs.layers, strict=True):
                _copy_layer(our_layer, their_layer)


def _check_shapes(
    model: ParleyMoeForConditionalGeneration, dense: M2M100ForConditionalGeneration, folder: str | Path
) -> None:
    config, theirs = model.config, dense.config
    wanted = {
        "vocabulary": (config.vocab_size, theirs.vocab_size),
        "width": (config.d_model, theirs.d_model),
        "encoder layers": (config.encoder_layers, theirs.encoder_layers),
        "decoder layers": (config.decoder_layers, theirs.decoder_layers),
        "encoder heads": (config.num_attention_heads, theirs.encoder_attention_heads),
        "decoder heads": (config.num_attention_heads, theirs.decoder_attention_heads),
        "encoder feed-forward": (config.ffn_dim, theirs.encoder_ffn_dim),
        "decoder feed-forward": (config.ffn_dim, theirs.decoder_ffn_dim),
    }
    if config.moe_every:
        wanted["expert feed-forward"] = (config.expert_ffn_dim, theirs.encoder_ffn_dim)
    wrong = [f"{name} {ours} here, {other} there" for name, (ours, other) in wanted.items() if ours != other]
    if wrong:
        raise InputError(f"{folder}: cannot be upcycled into this teacher: {'; '.join(wrong)}")


def _copy(ours: nn.Module, theirs: nn.Module) -> None:
    ours.load_state_dict(theirs.state_dict())


def _copy_attention(projections: nn.Linear, theirs: list[nn.Linear]) -> None:
    projections.weight.copy_(torch.cat([linear.weight for linear in theirs]))
    projections.bias.copy_(torch.cat([linear.bias for linear in theirs]))


def _copy_layer(ours: nn.Module, theirs: nn.Module) -> None:
    assert isinstance(ours, EncoderLayer | DecoderLayer)
    assert isinstance(theirs, M2M100EncoderLayer | M2M100DecoderLayer)
    attention = theirs.self_attn
    _copy(ours.self_attention_norm, theirs.self_attn_layer_norm)
    _copy_attention(ours.self_attention.qkv_proj, [attention.q_proj, attention.k_proj, attention.v_proj])
    _copy(ours.self_attention.out_proj, attention.out_proj)
    if isinstance(ours, DecoderLayer) and isinstance(theirs, M2M100DecoderLayer):
        cross = theirs.encoder_attn
        _copy(ours.cross_attention_norm, theirs.encoder_attn_layer_norm)
        _copy(ours.cross_attention.q_proj, cross.q_proj)
        _copy_attention(ours.cross_attention.kv_proj, [cross.k_proj, cross.v_proj])
        _copy(ours.cross_attention.out_proj, cross.out_proj)
    _copy(ours.feed_forward_norm, theirs.final_layer_norm)
    _copy_feed_forward(ours.feed_forward, theirs.fc1, theirs.fc2)


def _copy_feed_forward(ours: FeedForward | MoeFeedForward, fc1: nn.Linear, fc2: nn.Linear) -> None:
    if isinstance(ours, FeedForward):
        _copy(ours.up_proj, fc1)
        _copy(ours.down_proj, fc2)
        return
    pairs: list[tuple[Tensor, Tensor]] = [
        (ours.experts.up_EFD, fc1.weight),
        (ours.experts.up_bias_EF, fc1.bias),
        (ours.experts.down_EDF, fc2.weight),
        (ours.experts.down_bias_ED, fc2.bias),
    ]
    for stacked, one in pairs:
        stacked.copy_(one.expand_as(stacked))
    if ours.shared_expert is not None:
        ours.shared_expert.down_proj.weight.zero_()
        ours.shared_expert.down_proj.bias.zero_()
