"""What is read off the encoder: severity and dimension of words and gaps, severity of source words.

A word is the mean of its pieces and a gap what stands left and right of it.
B inputs, S positions, N words, G gaps, D width.
"""

import torch
from torch import Tensor, nn

from qe_model.annotations.annotation import SEVERITY_LABELS
from qe_model.annotations.labels import SCORED_DIMENSIONS

LEVELS = len(SEVERITY_LABELS)
KINDS = len(SCORED_DIMENSIONS)


class Head(nn.Module):
    """One hidden layer, then outputs in float32."""

    def __init__(self, inputs: int, width: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, width)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, outputs)
        self.out.weight.is_head = True  # type: ignore[attr-defined]

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        return self.out(self.dropout(torch.nn.functional.gelu(self.hidden(x)))).float()


class Heads(nn.Module):
    """All heads over one encoder of a width."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.target = Head(width, width, LEVELS + KINDS, dropout)
        self.gaps = Head(2 * width, width, LEVELS + KINDS, dropout)
        self.source = Head(width, width, LEVELS, dropout)


def pooled(flat_RD: Tensor, pairs_2P: Tensor, count: int) -> Tensor:
    """Means of pieces (count, D): `pairs_2P` names a row of `flat_RD` and the word that it belongs to.

    A text's last word may have no piece of its own; it is then read at the row that the pair names.
    """
    pieces_PD = flat_RD.index_select(0, pairs_2P[0]).float()
    sums = pieces_PD.new_zeros(count, flat_RD.shape[1]).index_add(0, pairs_2P[1], pieces_PD)
    sizes = pieces_PD.new_zeros(count).index_add(0, pairs_2P[1], pieces_PD.new_ones(pairs_2P.shape[1]))
    return (sums / sizes.clamp(min=1).unsqueeze(1)).to(flat_RD.dtype)
