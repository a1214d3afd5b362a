"""One batch of joint inputs, padded, with the labels of their words and gaps.

B inputs, S positions, T translation pieces and end, N words and G gaps of all translations end to end, M source words.
"""

from dataclasses import dataclass, fields
from typing import Any, Final, Self

from torch import Tensor

IGNORED: Final = -100


@dataclass(frozen=True)
class Labels:
    """Labels of a batch; numpy's names of shapes as above.

    Attributes:
        target, gaps, source: (N, 4), (G, 4), (M, 4) shares of raters per severity, rows sum to 1; not-a-number where it
            is not known how bad a word is, or for gaps and source words whether it is bad at all.
        target_dimension, gap_dimension: (N,), (G,) 0 accuracy, 1 fluency, 2 consistency, -100 unknown or ok.
    """

    target: Tensor
    gaps: Tensor
    source: Tensor
    target_dimension: Tensor
    gap_dimension: Tensor

    def to(self, device: Any) -> Self:
        """The same on a device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})


@dataclass(frozen=True)
class QEBatch:
    """Joint inputs, padded on the right.

    Attributes:
        input_ids, segment_ids, position_ids, attention_mask: (B, S); positions begin anew in each segment.
        copies: (2, B, S) states of `copy_features`.
        style: (B,).
        tags: (B, 2) tags of source and target language.
        target_pairs, source_pairs: (2, P) position in B S, and number of the word, of each piece of a word.
        gap_sides: (2, G) positions in B S left and right of each gap.
        word_counts, source_counts: words of each input.
        predictor_ids, predictor_mask: (B, U) source as the teacher's encoder reads it.
        decoder_ids, decoder_labels: (B, T) translation as its decoder reads it, and what it should say.
        labels: None when there is nothing to learn.
        target_tokens: words of all translations, at least 1; what the trainer counts.
    """

    input_ids: Tensor
    segment_ids: Tensor
    position_ids: Tensor
    attention_mask: Tensor
    copies: Tensor
    style: Tensor
    tags: Tensor
    target_pairs: Tensor
    source_pairs: Tensor
    gap_sides: Tensor
    predictor_ids: Tensor
    predictor_mask: Tensor
    decoder_ids: Tensor
    decoder_labels: Tensor
    word_counts: tuple[int, ...]
    source_counts: tuple[int, ...]
    labels: Labels | None = None

    @property
    def target_tokens(self) -> int:
        """Words of all translations, at least 1."""
        return max(1, sum(self.word_counts))

    def to(self, device: Any) -> Self:
        """The same on a device."""
        moved: dict[str, Any] = {
            f.name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
            for f in fields(self)
            for value in (getattr(self, f.name),)
        }
        return type(self)(**moved | {"labels": None if self.labels is None else self.labels.to(device)})
