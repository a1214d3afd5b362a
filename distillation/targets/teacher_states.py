"""Running the teacher: its states in one batch, whatever its class, in working precision."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from distillation.student.objective import TeacherTargets, teacher_targets
from training.batches.batch import IGNORED, Batch
from training.model.loading import load_model
from training.model.modelling import ParleyMoeForConditionalGeneration


class States(NamedTuple):
    """Encoder output (B, S, D), and the decoder's at the positions that have a label (T, D), message after message."""

    encoded_BSD: Tensor
    labelled_TD: Tensor


def load_teacher(folder: Path, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    """A saved model on a device, ready to be asked; what must stay in fp32 (routers) does.

    Raises:
        InputError: no model in the folder.
    """
    model = load_model(folder).eval().requires_grad_(False)
    for parameter in model.parameters():
        if not getattr(parameter, "keep_fp32", False):
            parameter.data = parameter.data.to(dtype)
    nn.Module.to(model, device)
    cast_positions(model)
    return model


def cast_positions(model: nn.Module) -> None:
    """Have M2M100's positions, a float32 buffer, added in the type of the embedding; else bf16 weights meet float32."""
    stacks = [getattr(getattr(model, "model", None), name, None) for name in ("encoder", "decoder")]
    for stack in stacks:
        positions, embedding = getattr(stack, "embed_positions", None), getattr(stack, "embed_tokens", None)
        if positions is not None and embedding is not None:
            positions.register_forward_hook(lambda _, __, out, table=embedding: out.to(table.weight.dtype))


def output_layer(model: PreTrainedModel) -> Tensor:
    """The weights (V, D) that turn decoder output into logits."""
    head = model.get_output_embeddings()
    assert head is not None
    assert isinstance(head.weight, Tensor)
    return head.weight


def states_of(model: PreTrainedModel, batch: Batch) -> States:
    """Encoder and decoder output for a batch that is on the model's device."""
    ids, mask, shifted = batch.input_ids, batch.attention_mask, batch.decoder_input_ids
    if isinstance(model, ParleyMoeForConditionalGeneration):
        encoded = model.encoder(ids, mask).last_hidden_state
        tags_BL = model.encoder.tags(shifted[:, 0])
        decoded, _ = model.decoder(shifted, encoded, mask, tags_BL, torch.ones_like(shifted), None)
    else:
        inner = model.model
        encoded = inner.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        decoded = inner.decoder(
            input_ids=shifted, encoder_hidden_states=encoded, encoder_attention_mask=mask, use_cache=False
        ).last_hidden_state
    return States(encoded, decoded[batch.labels != IGNORED])


@torch.no_grad()
def ask_teacher(
    model: PreTrainedModel, batch: Batch, kept: int, temperature: float, generator: torch.Generator | None = None
) -> tuple[TeacherTargets, Tensor]:
    """The teacher's distributions at every label of a batch, and its encoder output (B, S, D)."""
    states = states_of(model, batch)
    return teacher_targets(states.labelled_TD, output_layer(model), kept, temperature, generator), states.encoded_BSD
