"""How near each piece of a translation is to its source, by states of the frozen teacher's encoder.

A translation model of many languages brings messages of one meaning together in its encoder. So the nearest piece of
the other text tells, without any training, what has no counterpart (BERTScore over two languages, arXiv 1904.09675).
B messages, S joint positions, T and U positions of translation and source, D width.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES: Final = 3  # of the piece, mean over its text, mean over the other text
_SCALE: Final = 5.0  # distances are multiplied by this, which brings them near 1
_FAR: Final = 2.0  # no distance is greater


class CrossLingualSimilarity(nn.Module):
    """Inputs for the pieces of translation and source."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(FEATURES, width)

    def forward(
        self, target_BTD: Tensor, target_mask: Tensor, source_BUD: Tensor, source_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, T, width) and (B, U, width)."""
        told = distances(target_BTD.float(), target_mask, source_BUD.float(), source_mask)
        to_target, to_source = (self.project(one.to(self.project.weight.dtype)) for one in told)
        return to_target, to_source


def distances(
    target_BTD: Tensor, target_mask: Tensor, source_BUD: Tensor, source_mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Distances 1 - cosine to the nearest position of the other text, with means: (B, T, FEATURES), (B, U, FEATURES).

    Masks are 1 for positions that count.
    """
    near_BTU = 1 - F.normalize(target_BTD, dim=-1) @ F.normalize(source_BUD, dim=-1).transpose(1, 2)
    near_BTU = near_BTU.masked_fill(~(target_mask.bool().unsqueeze(2) & source_mask.bool().unsqueeze(1)), _FAR)
    sides = [near_BTU.amin(2) * target_mask, near_BTU.amin(1) * source_mask]
    counts = [mask.sum(1, keepdim=True).clamp(min=1) for mask in (target_mask, source_mask)]
    means = [side.sum(1, keepdim=True) / count for side, count in zip(sides, counts, strict=True)]
    first, second = (
        torch.stack([side, own.expand_as(side), other.expand_as(side)], -1) * _SCALE
        for side, own, other in zip(sides, means, reversed(means), strict=True)
    )
    return first, second
