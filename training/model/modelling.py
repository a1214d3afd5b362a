"""The teacher: a pre-norm encoder-decoder whose every second feed-forward is a mixture of experts.

- The encoder's first token is the source language's tag or the `auto` tag; the decoder's first token is the target
  language's tag. The encoder never learns the target, so its output serves any number of targets.
- A detector reads the mean of the message's token embeddings and guesses the source language; under `auto` its
  probabilities stand in for the known language in the routers, a mixture where the message is mixed.
- Sequences are padded on the right. Given labels, the loss is computed without materialising logits.

B messages, S source positions, T target positions, D width, L languages, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Cache, DynamicCache, EncoderDecoderCache, GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.utils.generic import ModelOutput

from parley.decoding.beams import Beams
from parley.languages.table import LANGUAGES
from training.model.attention import padding_bias
from training.model.configuration import ParleyMoeConfig
from training.model.experts import Experts
from training.model.layers import (
    DecoderLayer,
    EncoderLayer,
    MoeFeedForward,
    Steering,
    init_linear,
    sinusoidal_positions,
)
from training.model.loss import linear_cross_entropy, tokens_right
from training.model.router import Router

FIRST_POSITION = 2  # M2M100 counts positions from 2, so upcycled checkpoints meet the positions they were trained with


@dataclass
class EncoderOutput(ModelOutput):
    """Encoder states (B, S, D), the detector's logits (B, L), and in training the sum of the routers' z-losses."""

    last_hidden_state: Tensor | None = None
    detection_logits: Tensor | None = None
    z_loss: Tensor | None = None


@dataclass
class ParleyOutput(ModelOutput):
    """What a forward gives.

    Attributes:
        loss: mean loss per target token, everything weighed in; None without labels.
        logits: (B, T, V); None with labels.
        loss_sum: `loss` times `token_count`.
        token_count: target tokens that were predicted, a scalar.
        metrics: scalars: `nll` (nats per token, no smoothing), `accuracy` (of tokens,
            not in training), `z_loss`, `detection_accuracy`.
        past_key_values: the cache, when one is used.
        encoder_last_hidden_state: (B, S, D).
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Cache | None = None
    encoder_last_hidden_state: Tensor | None = None
    loss_sum: Tensor | None = None
    token_count: Tensor | None = None
    metrics: dict[str, Tensor] | None = None


class Positions(nn.Module):
    """Sinusoidal positions, computed, not learned."""

    table: Tensor

    def __init__(self, config: ParleyMoeConfig) -> None:
        super().__init__()
        self.shape = (config.max_position_embeddings + FIRST_POSITION, config.d_model)
        self.register_buffer("table", sinusoidal_positions(*self.shape), persistent=False)

    def forward(self, start: int, length: int) -> Tensor:
        """Rows for positions start ... start + length - 1: (length, D)."""
        return self.table[start + FIRST_POSITION : start + FIRST_POSITION + length]


class LanguageTags(nn.Module):
    """Knows the languages' tags in the vocabulary."""

    ids_L: Tensor

    def __init__(self, config: ParleyMoeConfig) -> None:
        super().__init__()
        self.ids = list(config.language_token_ids or ())
        self.register_buffer("ids_L", torch.tensor(self.ids, dtype=torch.long), persistent=False)

    def forward(self, tags_B: Tensor) -> Tensor:
        """One-hot languages (B, L) of tag tokens; a row of zeros for a token that is no language's tag."""
        return (tags_B.unsqueeze(1) == self.ids_L).float()


def _id(token: int | None) -> int:
    return -1 if token is None else token  # -1 is no token's


class Encoder(nn.Module):
    """Source tokens to hidden states; see the module's text for the detector."""

    main_input_name = "input_ids"

    def __init__(self, config: ParleyMoeConfig, embedding: nn.Embedding) -> None:
        super().__init__()
        self.config = config
        self.embedding = embedding
        self.positions = Positions(config)
        self.tags = LanguageTags(config)
        self.layers = nn.ModuleList(EncoderLayer(config, i) for i in range(config.encoder_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.detector = nn.Linear(config.d_model, len(config.languages or ()))
        self.detector.weight.is_head = True  # type: ignore[attr-defined]
        self.pad_id, self.auto_id = _id(config.pad_token_id), _id(config.auto_token_id)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> EncoderOutput:
        """Encode (B, S) token ids; `attention_mask` is 1 for tokens, 0 for padding (right)."""
        if attention_mask is None:
            attention_mask = (input_ids != self.pad_id).long()
        embedded_BSD = self.embedding(input_ids) * self.config.d_model**0.5
        detection_BL = self.detect(embedded_BSD, attention_mask)
        known_BL = self.tags(input_ids[:, 0])
        auto_B1 = (input_ids[:, :1] == self.auto_id).to(known_BL.dtype)
        language_BL = known_BL + auto_B1 * detection_BL.float().softmax(-1)
        steering = Steering(language_BL, attention_mask.flatten())
        bias = padding_bias(attention_mask, embedded_BSD.dtype)
        x_BSD = embedded_BSD + self.positions(0, input_ids.shape[1]).to(embedded_BSD.dtype)
        x_BSD = F.dropout(x_BSD, self.config.dropout, self.training)
        z_losses = []
        for layer in self.layers:
            x_BSD, z_loss = layer(x_BSD, bias, steering)
            z_losses.append(z_loss)
        return EncoderOutput(self.norm(x_BSD), detection_BL, _total(z_losses) if self.training else None)

    def detect(self, embedded_BSD: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (B, L) of the source language from the mean embedding; the tag itself is not looked at."""
        seen_BS1 = attention_mask[:, 1:].unsqueeze(-1).to(embedded_BSD.dtype)
        mean_BD = (embedded_BSD[:, 1:] * seen_BS1).sum(1) / seen_BS1.sum(1).clamp(min=1)
        return self.detector(mean_BD)


class Decoder(nn.Module):
    """Target tokens so far, and the encoder's output, to hidden states."""

    def __init__(self, config: ParleyMoeConfig, embedding: nn.Embedding) -> None:
        super().__init__()
        self.config = config
        self.embedding = embedding
        self.positions = Positions(config)
        self.layers = nn.ModuleList(DecoderLayer(config, i) for i in range(config.decoder_layers))
        self.norm = nn.LayerNorm(config.d_model)

    def forward(
        self,
        decoder_input_ids: Tensor,
        encoded_BSD: Tensor,
        attention_mask: Tensor,
        language_BL: Tensor,
        counts_BT: Tensor,
        cache: EncoderDecoderCache | None,
        beams: Beams | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Hidden states (B, T, D) and the sum of the z-losses."""
        start = cache.get_seq_length() if cache is not None else 0
        positions = (
            self.positions(start, decoder_input_ids.shape[1]) if beams is None else self.positions(beams.step, 1)
        )
        x_BTD = self.embedding(decoder_input_ids) * self.config.d_model**0.5 + positions.to(self.embedding.weight.dtype)
        x_BTD = F.dropout(x_BTD, self.config.dropout, self.training)
        bias = padding_bias(attention_mask, x_BTD.dtype)
        steering = Steering(language_BL, counts_BT.flatten())
        z_losses = []
        for layer in self.layers:
            x_BTD, z_loss = layer(x_BTD, encoded_BSD, bias, steering, cache, beams.bias if beams else None)
            z_losses.append(z_loss)
        return self.norm(x_BTD), _total(z_losses)


def _init_language_term(language_LE: Tensor, languages: Sequence[str]) -> None:
    """Languages of a family begin with nearly the same experts; training may part them."""
    families = [LANGUAGES[code].family for code in languages]
    own_LE = torch.empty_like(language_LE).normal_(std=0.2)
    shared_FE = torch.empty_like(language_LE).normal_()
    order = list(dict.fromkeys(families))
    init.copy_(language_LE, own_LE + shared_FE[[order.index(family) for family in families]])


def _total(z_losses: list[Tensor | None]) -> Tensor | None:
    counted = [z_loss for z_loss in z_losses if z_loss is not None]
    return torch.stack(counted).sum() if counted else None


class ParleyMoeForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """Translation model; load with `from_pretrained(folder)`, decode with `parley.decoding.translator` or `generate`.

    For `generate`, pass the target tag as `decoder_start_token_id`.
    """

    config_class = ParleyMoeConfig
    config: ParleyMoeConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    beams_side_by_side = True  # see `parley.decoding.beams`
    _supports_sdpa = True
    _no_split_modules = ["EncoderLayer", "DecoderLayer"]
    _tied_weights_keys = {
        "encoder.embedding.weight": "shared.weight",
        "decoder.embedding.weight": "shared.weight",
        "lm_head.weight": "shared.weight",
    }

    def __init__(self, config: ParleyMoeConfig) -> None:
        super().__init__(config)
        self.shared = nn.Embedding(config.vocab_size, config.d_model, config.pad_token_id)
        self.encoder = Encoder(config, self.shared)
        self.decoder = Decoder(config, self.shared)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.post_init()

    def get_encoder(self, *_: Any, **__: Any) -> nn.Module:
        """The encoder, which `generate` runs once."""
        return self.encoder

    def get_input_embeddings(self) -> nn.Module:
        """The embedding shared by encoder, decoder and output layer."""
        return self.shared

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the shared embedding, as `resize_token_embeddings` does."""
        assert isinstance(value, nn.Embedding)
        self.shared = self.encoder.embedding = self.decoder.embedding = value

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            init_linear(module)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, std=self.config.d_model**-0.5)
        elif isinstance(module, Experts):
            self._init_experts(module)
        elif isinstance(module, Router):
            init.normal_(module.weight, std=self.config.d_model**-0.5)
            if module.language is not None:
                _init_language_term(module.language, self.config.languages or ())
            for buffer in (module.bias_E, module.load_E, module.last_load_E):
                init.zeros_(buffer)
        elif isinstance(module, Positions):
            init.copy_(module.table, sinusoidal_positions(*module.shape))
        elif isinstance(module, LanguageTags):
            init.copy_(module.ids_L, torch.tensor(module.ids, dtype=torch.long))

    def _init_experts(self, module: Experts) -> None:
        bound = (6 / (self.config.d_model + self.config.expert_ffn_dim)) ** 0.5  # xavier, of each expert's matrix
        init.uniform_(module.up_EFD, -bound, bound)
        init.uniform_(module.down_EDF, -bound, bound)
        init.zeros_(module.up_bias_EF)
        init.zeros_(module.down_bias_ED)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        source_language: Tensor | None = None,
        target_language: Tensor | None = None,
        encoder_outputs: EncoderOutput | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        beams: Beams | None = None,
        **_: Any,
    ) -> ParleyOutput:
        """Loss of a batch (with `labels`) or logits (without).

        Args:
            input_ids: (B, S), source tag first; not needed with `encoder_outputs`.
            attention_mask: (B, S), 1 for tokens, 0 for padding.
            decoder_input_ids: (B, T), target tag first; with a filled cache only the new positions.
            labels: (B, T), the tokens that follow; -100 for padding.
            source_language: (B,), tag tokens of the true source languages, for the detector's loss.
            target_language: (B,), tag tokens of the target; needed once a cache holds the first position.
            beams: `decoder_input_ids` are beams of the same message at the same step, not positions.
        """
        assert decoder_input_ids is not None
        if encoder_outputs is None:
            encoder_outputs = self.encoder(input_ids, attention_mask)
        encoded_BSD = encoder_outputs.last_hidden_state
        assert encoded_BSD is not None
        if attention_mask is None:
            attention_mask = encoded_BSD.new_ones(encoded_BSD.shape[:2], dtype=torch.long)
        if use_cache and past_key_values is None:
            past_key_values = EncoderDecoderCache(DynamicCache(), DynamicCache())
        tags_B = decoder_input_ids[:, 0] if target_language is None else target_language
        counts_BT = torch.ones_like(decoder_input_ids) if labels is None else (labels != -100).long()
        language_BL = self.encoder.tags(tags_B)
        y_BTD, z_loss = self.decoder(
            decoder_input_ids, encoded_BSD, attention_mask, language_BL, counts_BT, past_key_values, beams
        )
        output = ParleyOutput(past_key_values=past_key_values, encoder_last_hidden_state=encoded_BSD)
        if labels is None:
            output.logits = self.lm_head(y_BTD)
            return output
        return self._with_loss(output, y_BTD, labels, encoder_outputs, z_loss, source_language)

    def _with_loss(
        self,
        output: ParleyOutput,
        y_BTD: Tensor,
        labels: Tensor,
        encoder_outputs: EncoderOutput,
        decoder_z_loss: Tensor | None,
        source_language: Tensor | None,
    ) -> ParleyOutput:
        smoothing = self.config.label_smoothing if self.training else 0.0
        prediction = y_BTD.flatten(0, 1), self.lm_head.weight, labels.flatten()
        loss_sum, nll = linear_cross_entropy(*prediction, smoothing)
        tokens = (labels != -100).sum()
        metrics = {"nll": nll / tokens}
        if not self.training:
            metrics["accuracy"] = tokens_right(*prediction) / tokens
        z_loss = _total([encoder_outputs.z_loss, decoder_z_loss])
        if z_loss is not None and self.training:
            loss_sum = loss_sum + self.config.router_z_loss * z_loss * tokens
            metrics["z_loss"] = z_loss.detach()
        if source_language is not None and encoder_outputs.detection_logits is not None:
            logits_BL = encoder_outputs.detection_logits.float()
            language_B = self.encoder.tags(source_language).argmax(-1)
            metrics["detection_accuracy"] = (logits_BL.argmax(-1) == language_B).float().mean()
            if self.training:
                loss_sum = loss_sum + self.config.detection_loss * tokens * F.cross_entropy(logits_BL, language_B)
        output.loss_sum, output.token_count = loss_sum, tokens
        output.loss, output.metrics = loss_sum / tokens, metrics
        return output

    def prepare_inputs_for_generation(self, input_ids: Tensor, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As in `transformers`, and the target language, which later steps' single tokens do not show."""
        inputs = super().prepare_inputs_for_generation(input_ids, *args, **kwargs)  # type: ignore[misc,arg-type]
        return {**inputs, "target_language": input_ids[:, 0]}

    def routers(self) -> dict[str, Router]:
        """The routers by layer: `encoder.1`, `decoder.3`, ..."""
        return {
            f"{stack}.{place}": layer.feed_forward.router
            for stack, layers in (("encoder", self.encoder.layers), ("decoder", self.decoder.layers))
            for place, layer in enumerate(layers)
            if isinstance(layer.feed_forward, MoeFeedForward)
        }

    def after_update(self) -> None:
        """Balance the experts: to be called once after each optimizer step."""
        for router in self.routers().values():
            router.update_bias()

    def expert_load(self) -> dict[str, Tensor]:
        """Tokens each expert received in the last update, (E,), by layer."""
        return {name: router.last_load_E for name, router in self.routers().items()}

    @torch.no_grad()
    def detection_votes(self) -> Tensor:
        """Logits (V, L) of the source language, in the order of `config.languages`, that each token alone gives; those
        of a message are the mean of its tokens'."""
        votes_VL: Tensor = self.encoder.detector(self.shared.weight * self.config.d_model**0.5)
        return votes_VL
