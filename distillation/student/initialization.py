"""A student before its training: a stock `M2M100ForConditionalGeneration`, started from the teacher or at random.

From a teacher of the same width the student takes the embedding and its layers, experts merged
(`distillation.student.teacher_layers`). From a wider teacher whose number of heads divides the student's width all of
this is taken, too, in the principal directions of its residual stream (`distillation.student.narrowing`); else only the
embedding, projected, and layers start at random. The decoder starts with the target tag, as the teacher's
(docs/design.md), so the config has no start token.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, M2M100Config, M2M100ForConditionalGeneration

from distillation.config import TEACHER, StudentConfig
from distillation.student.narrowing import narrow
from distillation.student.teacher_layers import chosen_layers, copy_layer, pass_through
from parley.pipeline.errors import InputError
from training.model.loading import load_model
from training.model.modelling import ParleyMoeForConditionalGeneration

if TYPE_CHECKING:
    Loads = Mapping[str, Tensor]

ROUTING: Final = "routing.json"


def build_student(
    config: StudentConfig,
    vocab_size: int,
    seed: int,
    teacher: ParleyMoeForConditionalGeneration | None = None,
    loads: "Loads | None" = None,
) -> M2M100ForConditionalGeneration:
    """A student in fp32, ready to train.

    Args:
        vocab_size: rows of the embedding.
        seed: of the random weights.
        teacher: needed for `start: teacher`.
        loads: each expert's share of the tokens, (E,), by layer (`encoder.1`); equal shares where there is none.

    Raises:
        InputError: `start: teacher` without a teacher, a teacher of another vocabulary, or a trained student of another
            size.
    """
    torch.manual_seed(seed)
    shape = config.model_config(vocab_size)
    if teacher is not None and shape.d_model % (2 * teacher.config.num_attention_heads) == 0:
        # heads only mean the same in equal number
        shape.encoder_attention_heads = shape.decoder_attention_heads = teacher.config.num_attention_heads
    model = M2M100ForConditionalGeneration(shape)
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id,
        eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id,
        max_new_tokens=200,
    )
    _initialise(model)
    if config.trained:
        _go_on_from(model, config.trained)
    elif config.start == TEACHER:
        if teacher is None:
            raise InputError("student.start=teacher needs a teacher; set student.start=random")
        if teacher.config.vocab_size != vocab_size:
            raise InputError(f"the teacher has {teacher.config.vocab_size} pieces, the student {vocab_size}")
        _take_over(model, teacher, loads or {})
    return model


def _go_on_from(model: M2M100ForConditionalGeneration, folder: str) -> None:
    trained = load_model(folder)
    try:
        model.load_state_dict(trained.state_dict())
    except RuntimeError as error:
        raise InputError(f"student.start={folder}: a model of another size or kind than this student") from error


def read_loads(teacher_folder: Path) -> dict[str, Tensor]:
    """Each expert's share of the tokens by layer, languages counted equally, from the teacher's `routing.json`."""
    path = teacher_folder / ROUTING
    if not path.is_file():
        return {}
    tables = json.loads(path.read_text(encoding="utf-8"))["experts_by_language"]
    return {layer: torch.tensor(table).mean(0) for layer, table in tables.items()}


@torch.no_grad()
def _initialise(model: M2M100ForConditionalGeneration) -> None:
    """As the teacher starts: Xavier matrices, embedding of standard deviation 1 / sqrt(width)."""
    for module in model.modules():
        if isinstance(module, nn.Linear) and module is not model.lm_head:
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                module.bias.zero_()
    nn.init.normal_(model.model.shared.weight, std=model.config.d_model**-0.5)


@torch.no_grad()
def _take_over(
    student: M2M100ForConditionalGeneration, teacher: ParleyMoeForConditionalGeneration, loads: "Loads"
) -> None:
    embedding = student.model.shared.weight
    stacks = (("encoder", student.model.encoder, teacher.encoder), ("decoder", student.model.decoder, teacher.decoder))
    places = {name: chosen_layers(len(theirs.layers), len(ours.layers)) for name, ours, theirs in stacks}
    if teacher.config.d_model > student.config.d_model and _same_heads(student.config, teacher):
        narrow(student, teacher, places, loads)
        return
    if teacher.config.d_model != student.config.d_model:
        embedding.copy_(projected(teacher.shared.weight.float(), student.config.d_model))
        return
    embedding.copy_(teacher.shared.weight)
    for name, ours, theirs in stacks:
        ours.layer_norm.load_state_dict(theirs.norm.state_dict())
        for layer, place in zip(ours.layers, places[name], strict=True):
            if place is None:
                pass_through(layer)
            else:
                copy_layer(layer, theirs.layers[place], loads.get(f"{name}.{place}"))


def _same_heads(config: M2M100Config, teacher: ParleyMoeForConditionalGeneration) -> bool:
    return bool(config.encoder_attention_heads == teacher.config.num_attention_heads)


def projected(embedding_VD: Tensor, width: int) -> Tensor:
    """The embedding in `width` dimensions: on its principal directions; new dimensions, if any, are zero."""
    if width > embedding_VD.shape[1]:
        return nn.functional.pad(embedding_VD, (0, width - embedding_VD.shape[1]))
    directions_DD = torch.linalg.eigh(embedding_VD.T @ embedding_VD).eigenvectors.flip(1)
    return embedding_VD @ directions_DD[:, :width]


def count_parameters(config: M2M100Config) -> dict[str, int]:
    """Parameters of a student, counted on the meta device: `all`, `encoder`, `decoder`, `embedding` (once)."""
    with torch.device("meta"):
        model = M2M100ForConditionalGeneration(config)
    embedding = model.model.shared.weight.numel()
    stacks = {
        name: sum(parameter.numel() for parameter in getattr(model.model, name).layers.parameters())
        for name in ("encoder", "decoder")
    }
    return {"all": model.num_parameters(), **stacks, "embedding": embedding}
