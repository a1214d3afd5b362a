"""The student: a stock `M2M100ForConditionalGeneration`, started from the teacher or at random.

From a teacher of the same width the student takes the embedding, the norms and attentions of layers chosen evenly
(with more layers than the teacher has, some are taken twice), and dense feed-forwards. A mixture of experts becomes
dense in two steps:

- with every gate fixed at its expert's mean share of the load, the mixture *is* one wide feed-forward: the inner units
  of all experts side by side, outgoing weights scaled by the share (ReLU is positively homogeneous), and the shared
  expert's units beside them;
- of these units the student keeps as many as it has room for: those of largest |in| x |out|. Averaging experts' weights
  instead would mix units that have nothing to do with one another.

From a wider teacher whose number of heads divides the student's width all of this is taken, too, in the principal
directions of its residual stream (`distillation.narrowing`); else only the embedding, projected, and layers start at
random. The decoder starts with the target tag, as the teacher's (docs/design.md), so the config has no start token.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, M2M100Config, M2M100ForConditionalGeneration
from transformers.models.m2m_100.modeling_m2m_100 import M2M100Attention, M2M100DecoderLayer, M2M100EncoderLayer

from distillation.config import StudentConfig
from distillation.narrowing import narrow
from pipeline.errors import InputError
from training.model.layers import DecoderLayer, EncoderLayer, FeedForward, MoeFeedForward
from training.model.modelling import ParleyMoeForConditionalGeneration
from training.translate import load_model

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
        teacher: needed for `initialise: teacher`.
        loads: each expert's share of the tokens, (E,), by layer (`encoder.1`); equal shares where there is none.

    Raises:
        InputError: `initialise: teacher` without a teacher, a teacher of another vocabulary, or a `start_from` of
            another size.
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
    if config.start_from:
        _go_on_from(model, config.start_from)
    elif config.initialise == "teacher":
        if teacher is None:
            raise InputError("student.initialise=teacher needs a teacher; set student.initialise=random")
        if teacher.config.vocab_size != vocab_size:
            raise InputError(f"the teacher has {teacher.config.vocab_size} pieces, the student {vocab_size}")
        _take_over(model, teacher, loads or {})
    return model


def _go_on_from(model: M2M100ForConditionalGeneration, folder: str) -> None:
    trained = load_model(folder)
    try:
        model.load_state_dict(trained.state_dict())
    except RuntimeError as error:
        raise InputError(f"student.start_from={folder}: a model of another size or kind than this student") from error


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
            _copy_layer(layer, theirs.layers[place], loads.get(f"{name}.{place}"))


def _same_heads(config: M2M100Config, teacher: ParleyMoeForConditionalGeneration) -> bool:
    return bool(config.encoder_attention_heads == teacher.config.num_attention_heads)


def chosen_layers(available: int, wanted: int) -> list[int]:
    """Which of the teacher's layers the student's layers start from, spread evenly, the first and the last included.

    A single layer starts from the last one, which is nearest to the output.
    """
    if wanted == 1:
        return [available - 1]
    return [round(place * (available - 1) / (wanted - 1)) for place in range(wanted)]


def projected(embedding_VD: Tensor, width: int) -> Tensor:
    """The embedding in `width` dimensions: on its principal directions; new dimensions, if any, are zero."""
    if width > embedding_VD.shape[1]:
        return nn.functional.pad(embedding_VD, (0, width - embedding_VD.shape[1]))
    directions_DD = torch.linalg.eigh(embedding_VD.T @ embedding_VD).eigenvectors.flip(1)
    return embedding_VD @ directions_DD[:, :width]


def _copy_layer(ours: nn.Module, theirs: nn.Module, load_E: Tensor | None) -> None:
    assert isinstance(ours, M2M100EncoderLayer | M2M100DecoderLayer)
    assert isinstance(theirs, EncoderLayer | DecoderLayer)
    own, attention = ours.self_attn, theirs.self_attention
    ours.self_attn_layer_norm.load_state_dict(theirs.self_attention_norm.state_dict())
    _copy_projections([own.q_proj, own.k_proj, own.v_proj], attention.qkv_proj)
    own.out_proj.load_state_dict(attention.out_proj.state_dict())
    if isinstance(ours, M2M100DecoderLayer) and isinstance(theirs, DecoderLayer):
        _copy_cross(ours.encoder_attn, theirs)
        ours.encoder_attn_layer_norm.load_state_dict(theirs.cross_attention_norm.state_dict())
    ours.final_layer_norm.load_state_dict(theirs.feed_forward_norm.state_dict())
    copy_feed_forward(ours.fc1, ours.fc2, theirs.feed_forward, load_E)


def _copy_cross(ours: M2M100Attention, theirs: DecoderLayer) -> None:
    ours.q_proj.load_state_dict(theirs.cross_attention.q_proj.state_dict())
    _copy_projections([ours.k_proj, ours.v_proj], theirs.cross_attention.kv_proj)
    ours.out_proj.load_state_dict(theirs.cross_attention.out_proj.state_dict())


def _copy_projections(ours: list[nn.Linear], fused: nn.Linear) -> None:
    weights, biases = fused.weight.chunk(len(ours)), fused.bias.chunk(len(ours))
    for linear, weight, bias in zip(ours, weights, biases, strict=True):
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)


@torch.no_grad()
def copy_feed_forward(
    fc1: nn.Linear, fc2: nn.Linear, theirs: FeedForward | MoeFeedForward, load_E: Tensor | None = None
) -> None:
    """Make `fc2(relu(fc1(x)))` the teacher's feed-forward, cut or filled up to the inner width of `fc1`.

    Units to spare keep their random way in and have no way out, so they change nothing until they are trained.

    Args:
        load_E: share of the tokens that each expert gets; None for equal shares.
    """
    keep_units(fc1, fc2, *dense_units(theirs, load_E))


@torch.no_grad()
def keep_units(fc1: nn.Linear, fc2: nn.Linear, up_UD: Tensor, bias_U: Tensor, down_DU: Tensor, bias_D: Tensor) -> None:
    """Fill a feed-forward with the most important of U units; see `copy_feed_forward`."""
    importance_U = up_UD.norm(dim=1) * down_DU.norm(dim=0)
    kept = importance_U.argsort(descending=True, stable=True)[: fc1.out_features].sort().values
    count = len(kept)
    fc1.weight[:count], fc1.bias[:count] = up_UD[kept], bias_U[kept]
    fc2.weight.zero_()
    fc2.weight[:, :count] = down_DU[:, kept]
    fc2.bias.copy_(bias_D)


def dense_units(
    feed_forward: FeedForward | MoeFeedForward, load_E: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A feed-forward as one dense network of U units: in (U, D), its bias (U,), out (D, U), its bias (D,).

    Of a mixture: all experts' units with the gates fixed at the load, and the shared expert's.
    """
    if isinstance(feed_forward, FeedForward):
        first, second = feed_forward.up_proj, feed_forward.down_proj
        return first.weight, first.bias, second.weight, second.bias
    experts = feed_forward.experts
    count = len(experts.up_EFD)
    share_E = torch.full((count,), 1 / count) if load_E is None else load_E / load_E.sum()
    share_E = share_E.to(experts.up_EFD)
    up, bias = [experts.up_EFD.flatten(0, 1)], [experts.up_bias_EF.flatten()]
    out = [(experts.down_EDF * share_E[:, None, None]).permute(1, 0, 2).flatten(1)]
    bias_D = (experts.down_bias_ED * share_E[:, None]).sum(0)
    if feed_forward.shared_expert is not None:
        shared = feed_forward.shared_expert
        up.append(shared.up_proj.weight)
        bias.append(shared.up_proj.bias)
        out.append(shared.down_proj.weight)
        bias_D = bias_D + shared.down_proj.bias
    return torch.cat(up), torch.cat(bias), torch.cat(out, dim=1), bias_D


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
