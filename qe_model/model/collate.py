"""Joint inputs padded into a batch.

Shapes as in `batch`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qe_model.annotations.labels import ExampleLabels
from qe_model.arrays import Ints
from qe_model.model.batch import IGNORED, Labels, QEBatch
from qe_model.model.copy_features import copy_states
from qe_model.model.inputs import CONTEXT, CONTEXT_TARGET, SOURCE, TARGET, InputEncoder, JointInput, TextPieces


def batches_of(lengths: Sequence[int], batch_tokens: int) -> list[Ints]:
    """Places of examples in batches of like length whose padded size is at most `batch_tokens` (one at least)."""
    order = np.argsort(np.array(lengths, np.int64), kind="stable")
    batches, start = [], 0
    for place in range(1, len(order) + 1):
        if place == len(order) or lengths[order[place]] * (place + 1 - start) > batch_tokens:
            batches.append(order[start:place])
            start = place
    return batches


def collate(
    inputs: Sequence[JointInput], encoder: InputEncoder, pad_id: int, labels: Sequence[ExampleLabels] | None = None
) -> QEBatch:
    """Pad inputs into a batch. With `labels`, one for each input."""
    rows = [_row(one, encoder) for one in inputs]
    width = max(len(row[0]) for row in rows)
    ids, segments, positions = (_padded([row[i] for row in rows], width, fill) for i, fill in enumerate((pad_id, 0, 0)))
    special = (pad_id, encoder.start_id, encoder.end_id, *encoder.tag_ids.values())
    source = [_wrapped(one.source_tag, one.source.ids, encoder.end_id) for one in inputs]
    decoder = [_wrapped(one.target_tag, one.target.ids) for one in inputs]
    wanted = [_wanted(one, encoder.end_id) for one in inputs]
    steps, reach = max(map(len, decoder)), max(map(len, source))
    target_at, source_at = zip(*(_starts(one, encoder) for one in inputs), strict=True)
    word_counts, source_counts = (tuple(getattr(x, side).words for x in inputs) for side in ("target", "source"))
    return QEBatch(
        input_ids=ids,
        segment_ids=segments,
        position_ids=positions,
        attention_mask=(segments > 0).long(),
        copies=torch.from_numpy(copy_states(ids.numpy(), segments.numpy(), special)),
        style=torch.tensor([one.style for one in inputs]),
        tags=torch.tensor([[one.source_tag, one.target_tag] for one in inputs]),
        target_pairs=_pairs([one.target for one in inputs], target_at, width),
        source_pairs=_pairs([one.source for one in inputs], source_at, width),
        gap_sides=_gap_sides([one.target for one in inputs], target_at, width),
        predictor_ids=_padded(source, reach, pad_id),
        predictor_mask=_padded([np.ones_like(row) for row in source], reach, 0),
        decoder_ids=_padded(decoder, steps, pad_id),
        decoder_labels=_padded(wanted, steps, IGNORED),
        word_counts=word_counts,
        source_counts=source_counts,
        labels=None if labels is None else _labels(labels),
    )


def _row(one: JointInput, encoder: InputEncoder) -> tuple[Ints, Ints, Ints]:
    """Ids, segments and positions of a joint sequence."""
    parts = [(TARGET, _wrapped(one.target_tag if encoder.tags else encoder.start_id, one.target.ids, encoder.end_id))]
    for segment, head, ids, end in (
        (SOURCE, one.source_tag, one.source.ids, [encoder.end_id]),
        (CONTEXT, encoder.start_id, one.context, []),
        (CONTEXT_TARGET, one.target_tag, one.context_target, []),
    ):
        if segment == SOURCE or len(ids):
            parts.append((segment, np.array([*([head] if encoder.tags else []), *ids, *end], np.int64)))
    return (
        np.concatenate([ids for _, ids in parts]),
        np.concatenate([np.full(len(ids), segment) for segment, ids in parts]),
        np.concatenate([np.arange(len(ids)) for _, ids in parts]),
    )


def _starts(one: JointInput, encoder: InputEncoder) -> tuple[int, int]:
    """Joint positions of the first piece of translation and of source."""
    return 1, len(one.target.ids) + 2 + int(encoder.tags)


def _wrapped(head: int, ids: Ints, *end: int) -> Ints:
    return np.array([head, *ids, *end], np.int64)


def _wanted(one: JointInput, end: int) -> Ints:
    """What the decoder should say; nothing where the teacher does not know the language."""
    wanted = np.array([*one.target.ids, end], np.int64)
    return wanted if one.target_known else np.full_like(wanted, IGNORED)


def _padded(rows: Sequence[Ints], width: int, fill: int) -> Tensor:
    out = np.full((len(rows), width), fill, np.int64)
    for row, values in zip(out, rows, strict=True):
        row[: len(values)] = values
    return torch.from_numpy(out)


def _pairs(texts: Sequence[TextPieces], starts: Sequence[int], width: int) -> Tensor:
    """Positions of the pieces of words, and the words' numbers over the batch: (2, P)."""
    places, numbers, before = [], [], 0
    for row, (text, start) in enumerate(zip(texts, starts, strict=True)):
        sizes = text.last - text.first + 1
        inside = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        places.append(np.repeat(text.first, sizes) + inside + start + row * width)
        numbers.append(np.repeat(np.arange(text.words), sizes) + before)
        before += text.words
    return torch.from_numpy(np.stack([np.concatenate(places), np.concatenate(numbers)]))


def _gap_sides(texts: Sequence[TextPieces], starts: Sequence[int], width: int) -> Tensor:
    """Positions left and right of each gap: (2, G). Before the first word is the tag, after the last one the end."""
    left, right = [], []
    for row, (text, start) in enumerate(zip(texts, starts, strict=True)):
        left.append(np.concatenate([[-1], text.last]) + start + row * width)
        right.append(np.concatenate([text.first, [len(text.ids)]]) + start + row * width)
    return torch.from_numpy(np.stack([np.concatenate(left), np.concatenate(right)]))


def _labels(labels: Sequence[ExampleLabels]) -> Labels:
    def joined(name: str, dtype: Any) -> Tensor:
        return torch.from_numpy(np.concatenate([getattr(one, name) for one in labels]).astype(dtype))

    return Labels(
        target=joined("target", np.float32),
        gaps=joined("gaps", np.float32),
        source=joined("source", np.float32),
        target_dimension=joined("target_dimension", np.int64),
        gap_dimension=joined("gap_dimension", np.int64),
    )
