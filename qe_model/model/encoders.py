"""The encoders under the quality-estimation heads, behind one interface, and the frozen teacher beside them.

- `TeacherEncoder`: the teacher's own encoder reads translation, source and context as one sequence. Positions begin
  anew in each text, so that words that translate each other often meet at like positions.
- `CheckpointEncoder`: any encoder of `transformers`.
- `Predictor`: the frozen teacher is made to produce the translation (predictor-estimator; Kim et al., 2017); its
  scores and decoder states are further inputs at the translation's pieces, and what its encoder finds of each text in
  the other at the pieces of both.

B messages, S joint positions, T translation pieces and end, D width, L languages.
"""

from typing import Any, Final, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from parley.pipeline.errors import InputError
from qe_model.model.batch import QEBatch
from qe_model.model.inputs import SOURCE, TARGET
from qe_model.model.matches import Matches
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

    def embed(self, input_ids: Tensor, position_ids: Tensor, hidden: Tensor | None) -> Tensor:
        """Input embeddings (B, S, D); without the piece's own where `hidden` (B, S) is true."""
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

    def embed(self, input_ids: Tensor, position_ids: Tensor, hidden: Tensor | None) -> Tensor:
        """Scaled embeddings plus sinusoids of each text's own positions: (B, S, D)."""
        embedded_BSD = _seen(self.encoder.embedding(input_ids), hidden) * self.config.d_model**0.5
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

    def embed(self, input_ids: Tensor, position_ids: Tensor, hidden: Tensor | None) -> Tensor:
        """Embeddings of the pieces alone: (B, S, D)."""
        return _seen(self.model.get_input_embeddings()(input_ids), hidden)

    def encode(self, embedded_BSD: Tensor, attention_mask: Tensor, tags_B2: Tensor) -> tuple[Tensor, Tensor | None]:
        """Last hidden states; no loss of its own."""
        return self.model(inputs_embeds=embedded_BSD, attention_mask=attention_mask).last_hidden_state, None

    def after_update(self) -> None:
        """Nothing to balance."""


class Predictor(nn.Module):
    """The teacher, frozen, made to produce the translation; gives inputs for its pieces, its end, and the source.

    Args:
        config: of the teacher.
        width: of the joint encoder.
        states: whether the decoder's states are used besides the scores.
        matches: whether its encoder reads the translation too, to be matched with the source.
    """

    def __init__(self, config: ParleyMoeConfig, width: int, states: bool, matches: bool) -> None:
        super().__init__()
        self.teacher = ParleyMoeForConditionalGeneration(config)
        tied = self.teacher.all_tied_weights_keys
        self.all_tied_weights_keys = {f"teacher.{name}": f"teacher.{other}" for name, other in tied.items()}
        self.scores_in = nn.Linear(SCORES, width)
        self.states_in = nn.Linear(config.d_model, width, bias=False) if states else None
        self.matches_in = Matches(width) if matches else None

    def train(self, mode: bool = True) -> "Predictor":
        """The projections follow `mode`; the teacher stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, batch: QEBatch) -> Tensor:
        """Inputs (B, S, D) at joint positions; zeros where the teacher has nothing to say."""
        labels, length = batch.decoder_labels, batch.input_ids.shape[1]
        with torch.no_grad():
            encoded_BUD = self.teacher.encoder(batch.predictor_ids, batch.predictor_mask).last_hidden_state
            states_BTD = decoder_states(self.teacher, encoded_BUD, batch.predictor_mask, batch.decoder_ids)
            scores_BTF = forced_scores(states_BTD, self.teacher.lm_head.weight, labels)
        told_BTD = self.scores_in(scores_BTF.to(self.scores_in.weight.dtype))
        if self.states_in is not None:
            hidden_BT = None if batch.hidden is None else batch.hidden[1][:, 1 : states_BTD.shape[1] + 1]
            told_BTD = told_BTD + _seen(self.states_in(states_BTD.to(self.states_in.weight.dtype)), hidden_BT)
        told_BTD = told_BTD * (labels != -100).unsqueeze(-1)
        told_BSD = F.pad(told_BTD, (0, 0, 1, max(0, length - 1 - told_BTD.shape[1])))[:, :length]
        told_BSD = told_BSD * (batch.segment_ids == TARGET).unsqueeze(-1)
        return told_BSD if self.matches_in is None else told_BSD + self._matched(self.matches_in, batch, encoded_BUD)

    def _matched(self, matches: Matches, batch: QEBatch, encoded_BUD: Tensor) -> Tensor:
        """What each text finds of itself in the other, (B, S, D): the translation's pieces come first in a row."""
        target_BS, source_BS = batch.segment_ids == TARGET, batch.segment_ids == SOURCE
        reach = int(target_BS.sum(1).max())
        mask_BT = target_BS[:, :reach].long()
        with torch.no_grad():
            states_BTD = self.teacher.encoder(batch.input_ids[:, :reach], mask_BT).last_hidden_state
        # tags and ends, at the first and last position of a text, are matched with nothing
        to_target, to_source = matches(states_BTD, inner(mask_BT), encoded_BUD, inner(batch.predictor_mask))
        told_BSD = to_target.new_zeros(*batch.input_ids.shape, to_target.shape[-1])
        told_BSD[target_BS] = to_target[mask_BT.bool()]
        told_BSD[source_BS] = to_source[batch.predictor_mask.bool()]
        return told_BSD


def _seen(embedded_BSD: Tensor, hidden_BS: Tensor | None) -> Tensor:
    return embedded_BSD if hidden_BS is None else embedded_BSD * ~hidden_BS.unsqueeze(-1)


def inner(mask_BS: Tensor) -> Tensor:
    """A mask (1 on the left, 0 on the right) without its first and its last position."""
    return F.pad(mask_BS[:, 2:], (1, 1))


def forced_states(
    teacher: ParleyMoeForConditionalGeneration, source_ids: Tensor, source_mask: Tensor, decoder_ids: Tensor
) -> Tensor:
    """Decoder states (B, T, D) that predict the pieces after `decoder_ids` (target tag first)."""
    encoded = teacher.encoder(source_ids, source_mask).last_hidden_state
    return decoder_states(teacher, encoded, source_mask, decoder_ids)


def decoder_states(
    teacher: ParleyMoeForConditionalGeneration, encoded_BUD: Tensor, source_mask: Tensor, decoder_ids: Tensor
) -> Tensor:
    """As `forced_states`, of a source that is encoded already."""
    languages = teacher.encoder.tags(decoder_ids[:, 0])
    return teacher.decoder(decoder_ids, encoded_BUD, source_mask, languages, torch.ones_like(decoder_ids), None)[0]


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
        chosen, best = logits.gather(1, gold[:, None]), logits.amax(-1, keepdim=True)
        below = (chosen - best).float()[:, 0]
        log_p = (
            below - logits.sub_(best).exp_().sum(-1, dtype=torch.float32).log()
        )  # in place: most of the time is here
        parts.append(torch.stack([log_p / _NATS, below / _NATS, log_p.exp()], -1))
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
