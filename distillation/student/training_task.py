"""The student's training task: the stock model, and its loss."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import M2M100ForConditionalGeneration, PreTrainedModel

from distillation.config import ObjectiveConfig
from distillation.decoder_states import decoder_states, output_layer
from distillation.objective import TeacherTargets, linear_distillation
from distillation.targets.batches import BatchWithTargets
from distillation.teacher import ask_teacher
from training.batches.batch import IGNORED, Batch
from training.loop.accumulation import LossParts
from training.model.loading import cast_positions
from training.model.loss import linear_cross_entropy, tokens_right
from training.validation import TranslationValidation


@dataclass
class StudentOutput:
    """What a forward gives: decoder states where there is a label; outside training `nll`, `accuracy` per token."""

    states_TD: Tensor
    metrics: dict[str, Tensor]


class StudentInTraining(nn.Module):
    """The stock model, which alone is saved in the end, and a count of updates that checkpoints keep."""

    updates: Tensor

    def __init__(self, student: M2M100ForConditionalGeneration) -> None:
        super().__init__()
        self.student = student
        self.register_buffer("updates", torch.zeros(()), persistent=False)
        cast_positions(student)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        decoder_input_ids: Tensor,
        labels: Tensor,
        source_language: Tensor | None = None,
    ) -> StudentOutput:
        """States of a batch; arguments as the teacher's."""
        batch = Batch(input_ids, attention_mask, decoder_input_ids, labels, labels[:, 0], labels[:, 0], 0)
        states_TD = decoder_states(self.student, batch)
        if self.training:
            return StudentOutput(states_TD, {})
        prediction = states_TD, output_layer(self.student), labels[labels != IGNORED]
        count = len(prediction[2])
        nll = linear_cross_entropy(*prediction)[1]
        return StudentOutput(states_TD, {"nll": nll / count, "accuracy": tokens_right(*prediction) / count})


class StudentTask:
    """Distillation, or without an objective plain training on human data.

    Args:
        model: the student.
        validation: scores the student on the dev split.
        objective: None for label-smoothed cross-entropy alone.
        smoothing: of that cross-entropy.
        top_k: pieces kept of the teacher's distributions where it is asked on line.
        teacher: on the device of training; without it, batches that bring no targets are people's translations alone.
    """

    best_metric = "dev/chrf"

    def __init__(
        self,
        model: StudentInTraining,
        validation: TranslationValidation,
        objective: ObjectiveConfig | None = None,
        smoothing: float = 0.1,
        top_k: int = 8,
        teacher: PreTrainedModel | None = None,
    ) -> None:
        self.model, self.validation, self.objective, self.smoothing = model, validation, objective, smoothing
        self.top_k, self.teacher = top_k, teacher
        self._updates: int | None = None

    def loss(self, batch: BatchWithTargets) -> LossParts:
        """The mixture of KL and cross-entropy, nats summed; metrics `kl` and `nll` per token."""
        states_TD = self.model(**batch.batch.model_inputs()).states_TD
        labels_T = batch.batch.labels[batch.batch.labels != IGNORED]
        head_VD, count = output_layer(self.model.student), batch.target_tokens
        targets = batch.targets or self._asked(batch.batch)
        if self.objective is None or targets is None:
            smoothing = 0.0 if self.objective else self.smoothing
            total, nll = linear_cross_entropy(states_TD, head_VD, labels_T, smoothing)
            return LossParts(total, count, {"nll": nll / count})
        alpha = self.objective.alpha_at(self._update())
        loss = linear_distillation(states_TD, head_VD, labels_T, targets, alpha, self.objective.temperature)
        metrics: dict[str, float | Tensor] = {"nll": loss.nll / count, "kl": loss.divergence / count, "alpha": alpha}
        return LossParts(loss.total, count, metrics)

    def _asked(self, batch: Batch) -> TeacherTargets | None:
        if self.teacher is None or self.objective is None:
            return None
        return ask_teacher(self.teacher, batch, self.top_k, self.objective.temperature)

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
