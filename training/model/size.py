"""Parameters, memory and arithmetic of a model, counted on the meta device: nothing is allocated."""

from dataclasses import dataclass

import torch

from training.model.configuration import ParleyMoeConfig
from training.model.experts import Experts
from training.model.modelling import ParleyMoeForConditionalGeneration

BYTES_PER_PARAMETER = {
    "weights bf16": 2,
    "gradients bf16": 2,
    "master weights fp32": 4,
    "AdamW moments fp32": 8,
    "average of weights fp32": 4,
}


@dataclass(frozen=True)
class ModelSize:
    """Counts of a model.

    Attributes:
        params: all parameters, shared ones once.
        active_params: parameters that one source and one target token meet: K of E experts.
        embedding_params: the shared embedding, which is also the output layer.
        encoder_flops: forward FLOPs for one source token.
        decoder_flops: forward FLOPs for one target token, output layer included.
        training_bytes: by use, with AdamW, bf16 weights and fp32 masters; activations not counted.
    """

    params: int
    active_params: int
    embedding_params: int
    encoder_flops: int
    decoder_flops: int
    training_bytes: dict[str, int]


def meta_model(config: ParleyMoeConfig) -> ParleyMoeForConditionalGeneration:
    """The model without memory for its weights."""
    with torch.device("meta"):
        return ParleyMoeForConditionalGeneration(config)


def active_parameters(module: torch.nn.Module) -> int:
    """Parameters that one token meets in `module`: of routed experts the chosen share."""
    total = sum(parameter.numel() for parameter in module.parameters())
    for part in module.modules():
        if isinstance(part, Experts):
            count = sum(parameter.numel() for parameter in part.parameters())
            total -= count - count * part.chosen // len(part.up_EFD)
    return total


def measure(config: ParleyMoeConfig, source_length: int = 16, target_length: int = 24) -> ModelSize:
    """Count a model's parameters, training memory and FLOPs.

    A matmul with P parameters costs 2 P FLOPs a token; attention scores and mixing cost 4 x length x width in each
    attention. Training costs three times the forward.

    Args:
        source_length, target_length: tokens of a typical message, for the attention term.
    """
    model = meta_model(config)
    embedding = model.shared.weight.numel()
    encoder = active_parameters(model.encoder) - embedding
    decoder = active_parameters(model.decoder) - embedding
    attention = 4 * config.d_model
    source_flops = 2 * encoder + config.encoder_layers * attention * source_length
    # The decoder's keys and values of the source are made once per source token; counted per target token.
    target_flops = 2 * (decoder + embedding) + config.decoder_layers * attention * (target_length // 2 + source_length)
    params = model.num_parameters()
    return ModelSize(
        params=params,
        active_params=encoder + decoder + embedding,
        embedding_params=embedding,
        encoder_flops=source_flops,
        decoder_flops=target_flops,
        training_bytes={use: size * params for use, size in BYTES_PER_PARAMETER.items()},
    )
