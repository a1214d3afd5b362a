"""A student narrower than its teacher, started from all of it: the residual stream is cut to its principal directions.

With P (D, d) of orthonormal columns, x the teacher's stream and P^T x the student's,

    embedding, what layers add      W -> P^T W              what layers read      W -> W P, norms folded in
    queries and keys of a head      the closest pair of D/H x d/H maps to W_q^T W_k (singular values), so are values
                                    and the way out
    feed-forward                    the units of largest |in| x |out|, as in `distillation.student.teacher_layers`

(SliceGPT, arXiv 2401.15024, without its change of the norms.) A norm takes the mean off, which must change nothing: the
student's stream has no part along (1, ..., 1), nor has the teacher's behind its own norms. Sinusoidal positions are
fixed in both, so within the kept directions P is turned until the teacher's positions fall on the student's.

D, d widths of teacher and student, H heads, U units.
"""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from transformers import M2M100ForConditionalGeneration
from transformers.models.m2m_100.modeling_m2m_100 import M2M100Attention, M2M100DecoderLayer, M2M100EncoderLayer

from distillation.student.teacher_layers import dense_units, keep_units, pass_through
from training.model.layers import DecoderLayer, EncoderLayer, sinusoidal_positions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training.model.modelling import ParleyMoeForConditionalGeneration

POSITIONS = slice(2, 42)  # that are made to agree: of most messages


class Cut(NamedTuple):
    """How the stream is narrowed.

    Attributes:
        basis_Dd: P.
        gain: what brings a norm's output in d directions to the size of the teacher's in D, projected.
        kept: share of the stream's energy that is kept.
    """

    basis_Dd: Tensor
    gain: float
    kept: float


class _Reads(NamedTuple):
    """A linear map of the teacher and the norm that it reads through."""

    weight: Tensor
    bias: Tensor
    norm: nn.LayerNorm

    def narrowed(self, cut: Cut) -> Tensor:
        """(N, d + 1): the map from the student's norm, which has no weights of its own, and the bias behind it."""
        inner = (self.weight * self.norm.weight) @ cut.basis_Dd * cut.gain
        return torch.cat([inner, (self.bias + self.weight @ self.norm.bias)[:, None]], dim=1)


def cut_of(embedding_VD: Tensor, width: int) -> Cut:
    """Principal directions of embedding and positions, turned so that positions agree."""
    full = embedding_VD.shape[1]
    told, theirs = embedding_VD.double() * full**0.5, sinusoidal_positions(POSITIONS.stop, full)[POSITIONS].double()
    told, theirs = (x - x.mean(1, keepdim=True) for x in (told, theirs))
    energy, vectors = torch.linalg.eigh(told.T @ told / len(told) + theirs.T @ theirs / len(theirs))
    main_DK = vectors.flip(1)[:, : width - 1]
    start = torch.cat([torch.ones(width, 1), torch.eye(width)[:, : width - 1]], dim=1).double()
    level_dK = torch.linalg.qr(start)[0][:, 1:]  # all that has no part along (1, ..., 1)
    ours_K = sinusoidal_positions(POSITIONS.stop, width)[POSITIONS].double() @ level_dK
    left, _, right = torch.linalg.svd((theirs @ main_DK).T @ ours_K)
    kept = float(energy.flip(0)[: width - 1].sum() / energy.sum())
    return Cut((main_DK @ (left @ right) @ level_dK.T).float(), (full * kept / width) ** 0.5, kept)


@torch.no_grad()
def narrow(
    student: M2M100ForConditionalGeneration,
    teacher: "ParleyMoeForConditionalGeneration",
    places: "Mapping[str, Sequence[int | None]]",
    loads: "Mapping[str, Tensor]",
) -> None:
    """Start a narrower student with as many heads from its teacher.

    Args:
        places: by `encoder` and `decoder`, the teacher's layer that each layer of the student starts from; None: from
            no change at all (`distillation.student.teacher_layers.pass_through`).
        loads: see `distillation.student.initialization.build_student`.
    """
    full, width = teacher.config.d_model, student.config.d_model
    cut = cut_of(teacher.shared.weight, width)
    student.model.shared.weight.copy_((full / width) ** 0.5 * teacher.shared.weight @ cut.basis_Dd)
    heads = student.config.encoder_attention_heads
    for name, ours, theirs in (
        ("encoder", student.model.encoder, teacher.encoder), ("decoder", student.model.decoder, teacher.decoder)
    ):  # fmt: skip
        for layer, place in zip(ours.layers, places[name], strict=True):
            if place is None:
                pass_through(layer)
            else:
                load_E = loads.get(f"{name}.{place}")
                _narrow_layer(layer, theirs.layers[place], teacher.encoder.norm, cut, heads, load_E)
    _clear(student.model.encoder.layer_norm)
    last, norm = student.model.decoder.layer_norm, teacher.decoder.norm
    squares_Dd = cut.basis_Dd.square()
    last.weight.copy_(norm.weight @ squares_Dd / squares_Dd.sum(0) * cut.kept**0.5)
    last.bias.copy_(cut.basis_Dd.T @ norm.bias * (width / full) ** 0.5)


def _narrow_layer(
    ours: nn.Module,
    theirs: nn.Module,
    encoder_norm: nn.LayerNorm,
    cut: Cut,
    heads: int,
    load_E: Tensor | None,
) -> None:
    assert isinstance(ours, M2M100EncoderLayer | M2M100DecoderLayer)
    assert isinstance(theirs, EncoderLayer | DecoderLayer)
    own, norm = theirs.self_attention, theirs.self_attention_norm
    parts = zip(own.qkv_proj.weight.chunk(3), own.qkv_proj.bias.chunk(3), [norm] * 3, strict=True)
    _narrow_attention(ours.self_attn, [_Reads(*part) for part in parts], own.out_proj, cut, heads)
    norms = [ours.self_attn_layer_norm, ours.final_layer_norm]
    if isinstance(ours, M2M100DecoderLayer) and isinstance(theirs, DecoderLayer):
        cross = theirs.cross_attention
        query = _Reads(cross.q_proj.weight, cross.q_proj.bias, theirs.cross_attention_norm)
        parts = zip(cross.kv_proj.weight.chunk(2), cross.kv_proj.bias.chunk(2), [encoder_norm] * 2, strict=True)
        reads = [query, *(_Reads(*part) for part in parts)]
        _narrow_attention(ours.encoder_attn, reads, cross.out_proj, cut, heads)
        norms.append(ours.encoder_attn_layer_norm)
    _narrow_feed_forward(ours.fc1, ours.fc2, theirs, cut, load_E)
    for each in norms:
        _clear(each)


def _narrow_attention(ours: M2M100Attention, reads: "Sequence[_Reads]", out: nn.Linear, cut: Cut, heads: int) -> None:
    query, key, value = (each.narrowed(cut).chunk(heads) for each in reads)
    ways_out = (cut.basis_Dd.T @ out.weight).chunk(heads, dim=1)
    size = cut.basis_Dd.shape[1] // heads
    temper = (size / len(query[0])) ** 0.25  # the student divides by the root of a smaller head
    scores = [closest(q, k, size) for q, k in zip(query, key, strict=True)]
    values = [closest(way.T, v, size) for way, v in zip(ways_out, value, strict=True)]
    made = (
        (ours.q_proj, [temper * q for q, _ in scores]), (ours.k_proj, [temper * k for _, k in scores]),
        (ours.v_proj, [v for _, v in values]),
    )  # fmt: skip
    for linear, parts in made:
        joined = torch.cat(parts)
        linear.weight.copy_(joined[:, :-1])
        linear.bias.copy_(joined[:, -1])
    ours.out_proj.weight.copy_(torch.cat([way for way, _ in values]).T)
    ours.out_proj.bias.copy_(cut.basis_Dd.T @ out.bias)


def closest(first_NA: Tensor, second_NB: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Maps (rank, A) and (rank, B) whose product is nearest to `first^T second` (Eckart and Young)."""
    left, sizes, right = torch.linalg.svd(first_NA.double().T @ second_NB.double(), full_matrices=False)
    root = sizes[:rank].sqrt()[:, None]
    return (root * left.T[:rank]).float(), (root * right[:rank]).float()


def _narrow_feed_forward(
    fc1: nn.Linear, fc2: nn.Linear, theirs: EncoderLayer | DecoderLayer, cut: Cut, load_E: Tensor | None
) -> None:
    up_UD, bias_U, down_DU, bias_D = dense_units(theirs.feed_forward, load_E)
    inner = _Reads(up_UD, bias_U, theirs.feed_forward_norm).narrowed(cut)
    keep_units(fc1, fc2, inner[:, :-1], inner[:, -1], cut.basis_Dd.T @ down_DU, cut.basis_Dd.T @ bias_D)


def _clear(norm: nn.LayerNorm) -> None:
    norm.weight.fill_(1)
    norm.bias.zero_()
