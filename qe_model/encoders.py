"""The encoders under the quality-estimation heads, behind one interface, and the frozen teacher beside them.

- `TeacherEncoder`: the teacher's own encoder reads translation, source and context as one sequence. Positions begin
  anew in each text, so that words that translate each other often meet at like positions.
- `CheckpointEncoder`: any encoder of `transformers`.
- `Predictor`: the frozen teacher is made to produce the translation (predictor-estimator; Kim et al., 2017); its
  scores and decoder states are further inputs at the translation's pieces.

B messages, S joint positions, T translation pieces and end, D width, L languages.
"""

from typing import Any, Final, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from pipeline.errors import InputError
from training.model.attention import padding_bias
from training.model.configuration import ParleyMoeConfig
from training.model.layers import Steering
from training.model.loss import SLICE_ELEMENTS
from training.model.modelling import FIRST_POSITION, Encoder, ParleyMoeForConditionalGeneration
from training.model.router import Router

SCORES: Final = 3  # log-probability, distance to the favourite, probability
_NATS: Final = 5.0  # scores are divided by this, which brings them near 1


class JointEncoder(Protocol):
    """What the model needs of an encoder."""

    width: int

    def embed(self, input_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Input embeddings (B, S, D)."""
        ...

    def encode(self, embedded_BSD: Tensor, attention_mask: Tensor, tags_B2: Tensor) -> tuple[Tensor, Tensor | None]:
        """Hidden states (B, S, D) and a loss of the encoder's own, if any; `tags_B2` are the languages' tags."""
        ...


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
    """Any encoder of `transformers`; it adds its own positions."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        settings = {key: value for key, value in config.items() if key not in ("model_type", "transformers_version")}
        self.model = AutoModel.from_config(AutoConfig.for_model(config["model_type"], **settings))
        self.width: int = self.model.config.hidden_size

    def embed(self, input_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Embeddings of the pieces alone: (B, S, D)."""
        return self.model.get_input_embeddings()(input_ids)

    def encode(self, embedded_BSD: Tensor, attention_mask: Tensor, tags_B2: Tensor) -> tuple[Tensor, Tensor | None]:
        """Last hidden states; no loss of its own."""
        return self.model(inputs_embeds=embedded_BSD, attention_mask=attention_mask).last_hidden_state, None

    def after_update(self) -> None:
        """Nothing to balance."""


class Predictor(nn.Module):
    """The teacher, frozen, made to produce the translation; gives inputs (B, T, D) for its pieces and its end.

    Args:
        config: of the teacher.
        width: of the joint encoder.
        states: whether the decoder's states are used besides the scores.
    """

    def __init__(self, config: ParleyMoeConfig, width: int, states: bool) -> None:
        super().__init__()
        self.teacher = ParleyMoeForConditionalGeneration(config)
        tied = self.teacher.all_tied_weights_keys
        self.all_tied_weights_keys = {f"teacher.{name}": f"teacher.{other}" for name, other in tied.items()}
        self.scores_in = nn.Linear(SCORES, width)
        self.states_in = nn.Linear(config.d_model, width, bias=False) if states else None

    def train(self, mode: bool = True) -> "Predictor":
        """The projections follow `mode`; the teacher stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, source_ids: Tensor, source_mask: Tensor, decoder_ids: Tensor, labels: Tensor) -> Tensor:
        """Inputs (B, T, D); zeros where `labels` (the pieces, the end) are -100."""
        with torch.no_grad():
            states_BTD = forced_states(self.teacher, source_ids, source_mask, decoder_ids)
            scores_BTF = forced_scores(states_BTD, self.teacher.lm_head.weight, labels)
        added_BTD = self.scores_in(scores_BTF.to(self.scores_in.weight.dtype))
        if self.states_in is not None:
            added_BTD = added_BTD + self.states_in(states_BTD.to(self.states_in.weight.dtype))
        return added_BTD * (labels != -100).unsqueeze(-1)


def forced_states(
    teacher: ParleyMoeForConditionalGeneration, source_ids: Tensor, source_mask: Tensor, decoder_ids: Tensor
) -> Tensor:
    """Decoder states (B, T, D) that predict the pieces after `decoder_ids` (target tag first)."""
    encoded = teacher.encoder(source_ids, source_mask).last_hidden_state
    languages = teacher.encoder.tags(decoder_ids[:, 0])
    return teacher.decoder(decoder_ids, encoded, source_mask, languages, torch.ones_like(decoder_ids), None)[0]


def forced_scores(states_BTD: Tensor, weight_VD: Tensor, labels: Tensor) -> Tensor:
    """How the teacher likes each piece: (B, T, SCORES) float32, zeros where `labels` are -100.

    A slice of pieces at a time, so that logits of the whole batch are never held.
    """
    kept = (labels.flatten() != -100).nonzero().squeeze(1)
    x_ND, labels_N = states_BTD.flatten(0, 1)[kept], labels.flatten()[kept]
    step = max(1, SLICE_ELEMENTS.get(x_ND.device.type, 2**24) // len(weight_VD))
    parts = []
    for x, gold in zip(x_ND.split(step), labels_N.split(step), strict=True):
        logits = x @ weight_VD.t()
        total = logits.logsumexp(-1).float()  # no softmax is kept: half the time of it
        chosen, best = (found.float() - total for found in (logits.gather(1, gold[:, None])[:, 0], logits.amax(-1)))
        parts.append(torch.stack([chosen / _NATS, (chosen - best) / _NATS, chosen.exp()], -1))
    scores = torch.zeros(labels.numel(), SCORES, device=states_BTD.device)
    if len(kept):
        scores[kept] = torch.cat(parts)
    return scores.view(*labels.shape, SCORES)


def load_checkpoint(name: str) -> PreTrainedModel:
    """An encoder of `transformers`, by name or folder; safetensors only, no code of its own.

    Raises:
        InputError: it cannot be had, or has no hidden width.
    """
    try:
        model = AutoModel.from_pretrained(name, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"qe.model.encoder={name}: cannot be loaded: {str(error).splitlines()[0]}") from error
    if not hasattr(model.config, "hidden_size") or model.config.is_encoder_decoder:
        raise InputError(f"qe.model.encoder={name}: {model.config.model_type} is not an encoder")
    return model
