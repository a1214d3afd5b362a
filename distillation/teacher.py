"""The teacher, asked for its distributions over the tokens of a batch."""

from pathlib import Path

import torch
from transformers import PreTrainedModel

from distillation.decoder_states import decoder_states, output_layer
from distillation.objective import TeacherTargets, teacher_targets
from training.batches.batch import Batch
from training.model.loading import load_model, to_device


def load_teacher(folder: Path, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    """A saved model on a device, ready to be asked; what must stay in fp32 (routers) does.

    Raises:
        InputError: no model in the folder.
    """
    model = load_model(folder).eval().requires_grad_(False)
    to_device(model, device, dtype)
    return model


@torch.no_grad()
def ask_teacher(model: PreTrainedModel, batch: Batch, kept: int, temperature: float) -> TeacherTargets:
    """The teacher's distributions at every label of a batch, the `kept` likeliest pieces of each."""
    return teacher_targets(decoder_states(model, batch), output_layer(model), kept, temperature)
