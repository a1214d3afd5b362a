"""The evidence of word tables on words as inputs of the joint encoder, at their pieces, and of the heads.

B inputs, S joint positions, N words, P pieces of words, D width, F features.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from qe_model.model.batch import QEBatch
from qe_model.model.word_tables.evidence import FEATURES


class EvidenceInputs(nn.Module):
    """One hidden layer over the features, then a projection for the pieces and one for the words."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(FEATURES, width)
        self.to_pieces = nn.Linear(width, width, bias=False)
        self.to_words = nn.Linear(width, width, bias=False)

    def forward(self, batch: QEBatch) -> Tensor:
        """Inputs (B, S, D) at the pieces of words of both texts; zeros elsewhere."""
        count, length = batch.input_ids.shape
        flat_RD = self.hidden.weight.new_zeros(count * length, self.to_pieces.out_features)
        for evidence_NF, pairs_2P in (
            (batch.target_evidence, batch.target_pairs),
            (batch.source_evidence, batch.source_pairs),
        ):
            inputs_ND = self.to_pieces(self._hidden(evidence_NF))
            flat_RD = flat_RD.index_add(0, pairs_2P[0], inputs_ND[pairs_2P[1]])
        return flat_RD.view(count, length, -1)

    def of_words(self, evidence_NF: Tensor) -> Tensor:
        """Inputs of the heads (N, D)."""
        return self.to_words(self._hidden(evidence_NF))

    def _hidden(self, evidence_NF: Tensor) -> Tensor:
        return F.gelu(self.hidden(evidence_NF.to(self.hidden.weight.dtype))) * (evidence_NF[:, :1] > 0)
