"""The encoders under the quality-estimation heads, behind one interface.

- `TeacherEncoder`: the teacher's own encoder reads translation, source and context as one sequence. Positions begin
  anew in each text, so that words that translate each other often meet at like positions.
- `CheckpointEncoder`: any encoder of `transformers`.

B messages, S joint positions, D width, L languages.
"""

import re
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import MODEL_FOR_MASKED_LM_MAPPING, AutoConfig, AutoModel, PreTrainedModel

from parley.pipeline.errors import InputError
from parley.pretrained import load_pretrained
from training.model.attention import padding_bias
from training.model.configuration import ParleyMoeConfig
from training.model.layers import Steering
from training.model.modelling import FIRST_POSITION, Encoder, ParleyMoeForConditionalGeneration
from training.model.router import Router

LAYER_DECAY: Final = 0.9  # rate of a layer as a share of that of the layer above it (ULMFiT; Howard and Ruder, 2018)
_LAYER: Final = re.compile(r"\blayers?\.(\d+)\.")  # in names of parameters, such as encoder.layer.3.output.dense.weight


class TeacherEncoder(PreTrainedModel):
    """The teacher's encoder with its embedding, reading a joint sequence."""

    config_class = ParleyMoeConfig
    config: ParleyMoeConfig
    main_input_name = "input_ids"
    _init_weights = ParleyMoeForConditionalGeneration._init_weights
    _init_experts = ParleyMoeForConditionalGeneration._init_experts

    def __init__(self, config: ParleyMoeConfig) -> None:
        super().__init__(config)
        self.width = config.d_model
        self.encoder = Encoder(config, nn.Embedding(config.vocab_size, config.d_model, config.pad_token_id))
        self.post_init()

    def embed(self, input_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Scaled embeddings plus sinusoids of each text's own positions: (B, S, D)."""
        embedded_BSD = self.encoder.embedding(input_ids) * self.config.d_model**0.5
        last = len(self.encoder.positions.table) - 1
        rows = (position_ids + FIRST_POSITION).clamp(max=last)
        return embedded_BSD + self.encoder.positions.table[rows].to(embedded_BSD.dtype)

    def encode(self, embedded_BSD: Tensor, attention_mask: Tensor, tags_B2: Tensor) -> tuple[Tensor, Tensor | None]:
        """Hidden states and the routers' z-loss; the routers are told both languages, half each."""
        language_BL = (self.encoder.tags(tags_B2[:, 0]) + self.encoder.tags(tags_B2[:, 1])) / 2
        steering = Steering(language_BL, attention_mask.flatten())
        bias = padding_bias(attention_mask, embedded_BSD.dtype)
        x_BSD = F.dropout(embedded_BSD, self.config.dropout, self.training)
        losses = []
        for layer in self.encoder.layers:
            x_BSD, z_loss = layer(x_BSD, bias, steering)
            losses += [] if z_loss is None else [z_loss]
        total = torch.stack(losses).sum() * self.config.router_z_loss if losses and self.training else None
        return self.encoder.norm(x_BSD), total

    def after_update(self) -> None:
        """Balance the experts, where there are any."""
        for module in self.encoder.modules():
            if isinstance(module, Router):
                module.update_bias()


class CheckpointEncoder(nn.Module):
    """Any encoder of `transformers`; it adds its own positions.

    On CPUs it attends by plain matrix products: the fused kernel takes six times as long backward there.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        settings = {key: value for key, value in config.items() if key not in ("model_type", "transformers_version")}
        attention = {} if torch.cuda.is_available() else {"attn_implementation": "eager"}
        self.model = AutoModel.from_config(AutoConfig.for_model(config["model_type"], **settings), **attention)
        self.width: int = self.model.config.hidden_size

    def embed(self, input_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Embeddings of the pieces alone: (B, S, D)."""
        embedded_BSD: Tensor = self.model.get_input_embeddings()(input_ids)
        return embedded_BSD

    def encode(self, embedded_BSD: Tensor, attention_mask: Tensor, tags_B2: Tensor) -> tuple[Tensor, Tensor | None]:
        """Last hidden states; no loss of its own."""
        return self.model(inputs_embeds=embedded_BSD, attention_mask=attention_mask).last_hidden_state, None

    def after_update(self) -> None:
        """Nothing to balance."""

    def freeze(self) -> None:
        """Leave all embeddings as they are: most rows get no gradient, and would forget what languages share."""
        for name, parameter in self.model.named_parameters():
            if "embed" in name:
                parameter.requires_grad_(False)

    def fall_by_layer(self, top: float) -> None:
        """Mark each parameter with its rate: `top` (a share of the training's) in the last layer, falling below it."""
        layer_of = {name: int(found[1]) for name, _ in self.model.named_parameters() if (found := _LAYER.search(name))}
        last = max(layer_of.values(), default=0)
        for name, parameter in self.model.named_parameters():
            depth = last - layer_of.get(name, last)
            parameter.rate_share = top * LAYER_DECAY**depth


def load_checkpoint(name: str) -> PreTrainedModel:
    """An encoder of `transformers`, by name or folder; safetensors only, no code of its own.

    Raises:
        InputError: it cannot be had, or does not read in both directions, as encoders do that learn masked words.
    """
    model: PreTrainedModel = load_pretrained(AutoModel, name, "encoder (qe.model.encoder)", use_safetensors=True)
    if type(model.config) not in MODEL_FOR_MASKED_LM_MAPPING or model.config.is_encoder_decoder:
        raise InputError(f"qe.model.encoder={name}: {model.config.model_type} is not an encoder")
    return model
