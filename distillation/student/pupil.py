"""The student in training: the stock model, what is trained beside it, and its loss."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import M2M100ForConditionalGeneration, PreTrainedModel

from distillation.config import ObjectiveConfig, TokenTargetsConfig
from distillation.student.objective import linear_distillation
from distillation.targets.streams import TaughtBatch
from distillation.targets.teacher_states import States, ask_teacher, cast_positions, output_layer, states_of
from training.batches.batch import IGNORED, Batch
from training.loop.trainer import LossParts
from training.model.loss import linear_cross_entropy, tokens_right
from training.validation import TranslationValidation


@dataclass
class PupilOutput:
    """What a forward gives: the states, and outside training `nll` and `accuracy` per token."""

    states: States
    metrics: dict[str, Tensor]


class Pupil(nn.Module):
    """The student with its projector to the teacher's width, and a count of updates that checkpoints keep.

    Args:
        student: the stock model, which alone is saved in the end.
        teacher_width: of hidden states that are matched; 0 where none are.
    """

    updates: Tensor

    def __init__(self, student: M2M100ForConditionalGeneration, teacher_width: int = 0) -> None:
        super().__init__()
        self.student = student
        width = student.config.d_model
        self.projector = nn.Linear(width, teacher_width) if teacher_width and teacher_width != width else None
        self.register_buffer("updates", torch.zeros(()), persistent=False)
        cast_positions(student)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        decoder_input_ids: Tensor,
        labels: Tensor,
        source_language: Tensor | None = None,
    ) -> PupilOutput:
        """States of a batch; arguments as the teacher's."""
        batch = Batch(input_ids, attention_mask, decoder_input_ids, labels, labels[:, 0], labels[:, 0], 0)
        states = states_of(self.student, batch)
        if self.training:
            return PupilOutput(states, {})
        prediction = states.labelled_TD, output_layer(self.student), labels[labels != IGNORED]
        count = len(prediction[2])
        nll = linear_cross_entropy(*prediction)[1]
        return PupilOutput(states, {"nll": nll / count, "accuracy": tokens_right(*prediction) / count})

    def mismatch(self, encoded_BSD: Tensor, wanted_BSD: Tensor, mask_BS: Tensor) -> Tensor:
        """Mean squared difference of the encoders' normalised outputs per source token and dimension."""
        if self.projector is not None:
            encoded_BSD = self.projector(encoded_BSD)
        ours, theirs = (F.layer_norm(x.float(), x.shape[-1:]) for x in (encoded_BSD, wanted_BSD))
        error_BS = (ours - theirs).square().mean(-1) * mask_BS
        return error_BS.sum() / mask_BS.sum()


class StudentTask:
    """Distillation, or without an objective plain training on human data.

    Args:
        model: the pupil.
        validation: scores the student on the dev split.
        objective: None for label-smoothed cross-entropy alone.
        smoothing: of that cross-entropy.
        tokens: how the teacher's distributions are cut where it is asked on line.
        teacher: on the device of training; needed where batches bring no targets, and to match hidden states.
    """

    def __init__(
        self,
        model: Pupil,
        validation: TranslationValidation,
        objective: ObjectiveConfig | None = None,
        smoothing: float = 0.1,
        tokens: TokenTargetsConfig | None = None,
        teacher: PreTrainedModel | None = None,
    ) -> None:
        self.model, self.validation, self.objective, self.smoothing = model, validation, objective, smoothing
        self.tokens, self.teacher = tokens or TokenTargetsConfig(), teacher
        self._generator: torch.Generator | None = None
        self._updates: int | None = None

    def loss(self, batch: TaughtBatch) -> LossParts:
        """The mixture of KL and cross-entropy, nats summed; metrics `kl` and `nll` per token."""
        states = self.model(**batch.batch.model_inputs()).states
        labels_T = batch.batch.labels[batch.batch.labels != IGNORED]
        head_VD = output_layer(self.model.student)
        if self.objective is None:
            total, nll = linear_cross_entropy(states.labelled_TD, head_VD, labels_T, self.smoothing)
            return LossParts(total, batch.target_tokens, {"nll": nll / batch.target_tokens})
        targets, encoded = batch.targets, None
        if targets is None:
            targets, encoded = self._ask(batch.batch)
        alpha = self.objective.alpha_at(self._update())
        loss = linear_distillation(states.labelled_TD, head_VD, labels_T, targets, alpha, self.objective.temperature)
        metrics: dict[str, Any] = {
            "nll": loss.nll / batch.target_tokens, "kl": loss.divergence / batch.target_tokens, "alpha": alpha
        }  # fmt: skip
        total = loss.total
        if self.objective.hidden_weight:
            hidden = self._hidden(batch.batch, states, encoded)
            total = total + self.objective.hidden_weight * hidden * batch.target_tokens
            metrics["hidden"] = hidden.detach()
        return LossParts(total, batch.target_tokens, metrics)

    def _ask(self, batch: Batch) -> tuple[Any, Tensor]:
        assert self.teacher is not None
        assert self.objective is not None
        if self.tokens.sampled and self._generator is None:
            self._generator = torch.Generator(self.teacher.device)
        if self._generator is not None:  # drawn from the trainer's generator, which checkpoints keep
            self._generator.manual_seed(int(torch.randint(2**62, ())))
        return ask_teacher(self.teacher, batch, self.tokens.top_k, self.objective.temperature, self._generator)

    def _hidden(self, batch: Batch, states: States, encoded_BSD: Tensor | None) -> Tensor:
        assert self.teacher is not None
        if encoded_BSD is None:
            with torch.no_grad():
                encoded_BSD = self.teacher.get_encoder()(
                    input_ids=batch.input_ids, attention_mask=batch.attention_mask
                ).last_hidden_state
        return self.model.mismatch(states.encoded_BSD, encoded_BSD, batch.attention_mask)

    def _update(self) -> int:
        """Updates done; read from the device once, so that no step waits for it."""
        if self._updates is None:
            self._updates = int(self.model.updates)
        return self._updates

    def after_update(self) -> None:
        """Count, for the schedule of alpha."""
        self._updates = self._update() + 1
        self.model.updates += 1

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores on the dev split; see `TranslationValidation`."""
        scores = self.validation.losses(model)
        return scores | (self.validation.translations(self.model.student) if self.validation.scored else {})
