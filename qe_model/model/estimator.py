"""The word-level quality-estimation model: joint encoder, predictor where it is the teacher's, heads.

B inputs, S joint positions, T translation pieces and end, N words, G gaps, M source words, D width.
"""

from dataclasses import dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import STYLES
from qe_model.model.batch import QEBatch
from qe_model.model.config import TEACHER, QEModelConfig
from qe_model.model.copy_features import STATES
from qe_model.model.encoders import CheckpointEncoder, TeacherEncoder, load_checkpoint
from qe_model.model.heads import LEVELS, Heads, pooled
from qe_model.model.inputs import SEGMENTS
from qe_model.model.predictor import Predictor
from training.model.configuration import ParleyMoeConfig
from training.model.layers import init_linear
from training.model.modelling import ParleyMoeForConditionalGeneration

_PLACE: Final = "_name_or_path"  # where a configuration was read from: no part of a model
_COPY_STD: Final = 0.2  # as large as what the encoder can tell beside embeddings of about 1


class ParleyQEConfig(PreTrainedConfig):
    """What `ParleyQEModel` is built from, as saved in its `config.json`.

    Args:
        encoder_kind: `teacher`, with the predictor beside it, or `checkpoint`.
        encoder: the encoder's own configuration.
        teacher: configuration of the predictor's teacher.
        dropout: in the heads and on the added inputs.
        max_length, context_length: see `QEModelConfig`.
    """

    model_type = "parley_qe"

    encoder_kind: str = TEACHER
    encoder: dict[str, Any] | None = None
    teacher: dict[str, Any] | None = None
    dropout: float = 0.1
    max_length: int = 320
    context_length: int = 64
    pad_token_id: int | None = 1


@dataclass
class QEOutput:
    """Logits of a batch, float32.

    Attributes:
        target, target_dimension: (N, 4), (N, 3).
        gaps, gap_dimension: (G, 4), (G, 3).
        source: (M, 4).
        encoder_loss: of the encoder's own, in training, if any.
    """

    target: Tensor
    target_dimension: Tensor
    gaps: Tensor
    gap_dimension: Tensor
    source: Tensor
    encoder_loss: Tensor | None = None


class ParleyQEModel(PreTrainedModel):
    """Marks words of a translation; load with `from_pretrained(folder)`, use through `qe_model.scoring.scorer`."""

    config_class = ParleyQEConfig
    config: ParleyQEConfig
    base_model_prefix = ""
    main_input_name = "batch"

    def __init__(self, config: ParleyQEConfig) -> None:
        super().__init__(config)
        self.encoder = _make_encoder(config)
        self.pretrained = isinstance(self.encoder, CheckpointEncoder)
        width = self.encoder.width
        self.segments = nn.Embedding(SEGMENTS, width)
        self.styles = nn.Embedding(len(STYLES), width)
        self.copies = nn.Embedding(STATES, width)
        self.predictor = Predictor(ParleyMoeConfig(**config.teacher), width) if config.teacher else None
        self.heads = Heads(width, config.dropout)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            init_linear(module)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, std=0.02)

    def forward(self, batch: QEBatch) -> QEOutput:
        """Logits of a batch that is on the model's device."""
        x_BSD = self.encoder.embed(batch.input_ids, batch.position_ids)
        if self.pretrained:
            x_BSD, encoder_loss = self.encoder.encode(x_BSD, batch.attention_mask, batch.tags)
            x_BSD = x_BSD + self.styles(batch.style).unsqueeze(1)
        else:
            x_BSD = x_BSD + self._added(batch).to(x_BSD.dtype)
            x_BSD, encoder_loss = self.encoder.encode(x_BSD, batch.attention_mask, batch.tags)
        flat_RD = x_BSD.flatten(0, 1)
        words_ND = pooled(flat_RD, batch.target_pairs, sum(batch.word_counts))
        sources_MD = pooled(flat_RD, batch.source_pairs, sum(batch.source_counts))
        gaps_GD = torch.cat([flat_RD[batch.gap_sides[0]], flat_RD[batch.gap_sides[1]]], -1)
        target, gaps = self.heads.target(words_ND), self.heads.gaps(gaps_GD)
        return QEOutput(
            target=target[:, :LEVELS],
            target_dimension=target[:, LEVELS:],
            gaps=gaps[:, :LEVELS],
            gap_dimension=gaps[:, LEVELS:],
            source=self.heads.source(sources_MD),
            encoder_loss=encoder_loss,
        )

    def freeze(self) -> "ParleyQEModel":
        """Keep what is never trained as it is; to be called after weights are loaded, which thaws them."""
        if self.predictor is not None:
            self.predictor.teacher.requires_grad_(False)
        if isinstance(self.encoder, TeacherEncoder):
            self.encoder.encoder.detector.requires_grad_(False)  # both languages are given
        else:
            self.encoder.freeze()
        return self

    def after_update(self) -> None:
        """Balance the encoder's experts, where there are any."""
        self.encoder.after_update()

    def _added(self, batch: QEBatch) -> Tensor:
        """What joins the embeddings: segment, style, copies, and what the predictor tells: (B, S, D)."""
        added_BSD = self.segments(batch.segment_ids) + self.styles(batch.style).unsqueeze(1)
        added_BSD = added_BSD + self.copies(batch.copies).sum(0)
        if self.predictor is not None:
            added_BSD = added_BSD + self.predictor(batch)
        return F.dropout(added_BSD, self.config.dropout, self.training)


def _make_encoder(config: ParleyQEConfig) -> TeacherEncoder | CheckpointEncoder:
    if config.encoder_kind == TEACHER:
        return TeacherEncoder(ParleyMoeConfig(**(config.encoder or {})))
    return CheckpointEncoder(config.encoder or {})


def build_model(config: QEModelConfig, teacher: PreTrainedModel | None, seed: int) -> ParleyQEModel:
    """A model that starts from the teacher's encoder or from a checkpoint; heads are fresh.

    Args:
        teacher: the run's teacher; needed for `encoder=teacher`.

    Raises:
        InputError: the teacher is missing or not of this project's kind, or the checkpoint cannot be had.
    """
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "dropout": config.dropout,
        "max_length": config.max_length,
        "context_length": config.context_length,
    }
    if config.encoder != TEACHER:
        checkpoint = load_checkpoint(config.encoder)
        own = {**_with_dropout(checkpoint.config, config.dropout), "model_type": checkpoint.config.model_type}
        own.pop(_PLACE, None)
        settings = ParleyQEConfig(
            encoder_kind="checkpoint", encoder=own, pad_token_id=checkpoint.config.pad_token_id, **sizes
        )
        model = ParleyQEModel(settings)
        assert isinstance(model.encoder, CheckpointEncoder)
        model.encoder.model.load_state_dict(checkpoint.state_dict())
        return model.freeze()
    if not isinstance(teacher, ParleyMoeForConditionalGeneration):
        raise InputError(f"qe.model.encoder={TEACHER}: needs a teacher of this project as an input")
    plain = _plain(teacher.config)
    settings = ParleyQEConfig(encoder={**plain, "dropout": config.dropout}, teacher=plain, **sizes)
    model = ParleyQEModel(settings)
    assert isinstance(model.encoder, TeacherEncoder)
    assert model.predictor is not None
    model.encoder.encoder.load_state_dict(teacher.encoder.state_dict())
    nn.init.normal_(model.copies.weight, std=_COPY_STD)
    model.predictor.teacher.load_state_dict(teacher.state_dict())
    for projection in (model.predictor.scores_in, model.predictor.states_in):
        # small at first: the encoder starts on inputs that it knows
        nn.init.normal_(projection.weight, std=0.3 / projection.in_features**0.5)
    return model.freeze()


def _with_dropout(config: PreTrainedConfig, dropout: float) -> dict[str, Any]:
    """The settings of an encoder with another dropout everywhere; each architecture has names of its own for it."""
    settings = config.to_dict()
    return settings | {key: dropout for key, old in settings.items() if "dropout" in key and isinstance(old, float)}


def _plain(config: PreTrainedConfig) -> dict[str, Any]:
    left_out = ("model_type", "architectures", "transformers_version", "dtype", "torch_dtype", _PLACE)
    return {key: value for key, value in config.to_dict().items() if key not in left_out}
