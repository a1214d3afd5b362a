"""The frozen teacher beside the encoder, made to produce the translation (predictor-estimator; Kim et al., 2017).

Its scores and decoder states are further inputs at the translation's pieces, and how near each text is to the other in
its encoder at the pieces of both.

B messages, S joint positions, T translation pieces and end, U source pieces, D width.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qe_model.model.batch import QEBatch
from qe_model.model.inputs import SOURCE, TARGET
from qe_model.model.similarity import CrossLingualSimilarity
from training.model.configuration import ParleyMoeConfig
from training.model.loss import SLICE_ELEMENTS
from training.model.modelling import ParleyMoeForConditionalGeneration

SCORES: Final = 3  # log-probability, distance to the favourite, probability
NATS: Final = 5.0  # scores are divided by this, which brings them near 1


class Predictor(nn.Module):
    """The teacher, frozen, made to produce the translation; gives inputs for its pieces, its end, and the source.

    Args:
        config: of the teacher.
        width: of the joint encoder.
    """

    def __init__(self, config: ParleyMoeConfig, width: int) -> None:
        super().__init__()
        self.teacher = ParleyMoeForConditionalGeneration(config)
        tied = self.teacher.all_tied_weights_keys
        self.all_tied_weights_keys = {f"teacher.{name}": f"teacher.{other}" for name, other in tied.items()}
        self.scores_in = nn.Linear(SCORES, width)
        self.states_in = nn.Linear(config.d_model, width, bias=False)
        self.similarity_in = CrossLingualSimilarity(width)

    def train(self, mode: bool = True) -> "Predictor":
        """The projections follow `mode`; the teacher stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, batch: QEBatch) -> Tensor:
        """Inputs (B, S, D) at joint positions; zeros where the teacher has nothing to say."""
        labels, length = batch.decoder_labels, batch.input_ids.shape[1]
        with torch.no_grad():
            encoded_BUD = self.teacher.encoder(batch.predictor_ids, batch.predictor_mask).last_hidden_state
            states_BTD = decoder_states(self.teacher, encoded_BUD, batch.predictor_mask, batch.decoder_ids)
            scores_BTF = forced_scores(states_BTD, self.teacher.lm_head.weight, labels)
        told_BTD = self.scores_in(scores_BTF.to(self.scores_in.weight.dtype))
        told_BTD = told_BTD + self.states_in(states_BTD.to(self.states_in.weight.dtype))
        told_BTD = told_BTD * (labels != -100).unsqueeze(-1)
        told_BSD = F.pad(told_BTD, (0, 0, 1, max(0, length - 1 - told_BTD.shape[1])))[:, :length]
        told_BSD = told_BSD * (batch.segment_ids == TARGET).unsqueeze(-1)
        return told_BSD + self._similarity(batch, encoded_BUD)

    def _similarity(self, batch: QEBatch, encoded_BUD: Tensor) -> Tensor:
        """How near each piece of both texts is to the other text, (B, S, D)."""
        target_BS, source_BS = batch.segment_ids == TARGET, batch.segment_ids == SOURCE
        reach = int(target_BS.sum(1).max())  # the translation's pieces come first in a row
        mask_BT = target_BS[:, :reach].long()
        with torch.no_grad():
            states_BTD = self.teacher.encoder(batch.input_ids[:, :reach], mask_BT).last_hidden_state
        # tags and ends, at the first and last position of a text, are compared with nothing
        to_target, to_source = self.similarity_in(states_BTD, inner(mask_BT), encoded_BUD, inner(batch.predictor_mask))
        told_BSD = to_target.new_zeros(*batch.input_ids.shape, to_target.shape[-1])
        told_BSD[target_BS] = to_target[mask_BT.bool()]
        told_BSD[source_BS] = to_source[batch.predictor_mask.bool()]
        return told_BSD


def inner(mask_BS: Tensor) -> Tensor:
    """A mask (1 on the left, 0 on the right) without its first and its last position."""
    return F.pad(mask_BS[:, 2:], (1, 1))


def decoder_states(
    teacher: ParleyMoeForConditionalGeneration, encoded_BUD: Tensor, source_mask: Tensor, decoder_ids: Tensor
) -> Tensor:
    """Decoder states (B, T, D) that predict the pieces after `decoder_ids` (target tag first)."""
    languages = teacher.encoder.tags(decoder_ids[:, 0])
    return teacher.decoder(decoder_ids, encoded_BUD, source_mask, languages, torch.ones_like(decoder_ids), None)[0]


def forced_scores(states_BTD: Tensor, weight_VD: Tensor, labels: Tensor) -> Tensor:
    """How the teacher likes each piece: (B, T, SCORES) float32, zeros where `labels` are -100.

    A slice of pieces at a time, so that logits of the whole batch are never held.
    """
    kept = (labels.flatten() != -100).nonzero().squeeze(1)
    x_ND, labels_N = states_BTD.flatten(0, 1)[kept], labels.flatten()[kept]
    step = max(1, SLICE_ELEMENTS.get(x_ND.device.type, 2**24) // len(weight_VD))
    parts = []
    for x, gold in zip(x_ND.split(step), labels_N.split(step), strict=True):
        logits = x @ weight_VD.t()
        chosen, best = logits.gather(1, gold[:, None]), logits.amax(-1, keepdim=True)
        below = (chosen - best).float()[:, 0]
        log_p = (
            below - logits.sub_(best).exp_().sum(-1, dtype=torch.float32).log()
        )  # in place: most of the time is here
        parts.append(torch.stack([log_p / NATS, below / NATS, log_p.exp()], -1))
    scores = torch.zeros(labels.numel(), SCORES, device=states_BTD.device)
    if len(kept):
        scores[kept] = torch.cat(parts)
    return scores.view(*labels.shape, SCORES)
