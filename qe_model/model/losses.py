"""What is optimised: bad or ok, then how bad, of which dimension; the penalty of the whole.

The cross-entropy over four severities is taken apart: H(ok or bad) + share of bad x H(severity given bad). So labels
that tell ok and bad alone train the first part, and the rarity of bad words is met there, where it matters.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from qe_model.model.batch import IGNORED, Labels
from qe_model.model.config import LossConfig
from qe_model.model.estimator import QEOutput

_TINY: Final = 1e-6


def total_loss(
    output: QEOutput, labels: Labels, config: LossConfig, imbalance: str
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean loss per word with its parts; a scalar with gradient, and means for the log."""
    words = binary_loss(output.target, labels.target, config, imbalance)
    parts = {
        "words": (_mean(words, labels.target_known), 1.0),
        "gaps": (_mean(binary_loss(output.gaps, labels.gaps, config, imbalance), labels.gaps_known), config.gaps),
        "source": (
            _mean(binary_loss(output.source, labels.source, config, imbalance), labels.source_known),
            config.source,
        ),
        "severity": (_severity_loss(output, labels), config.severity),
        "dimension": (_dimension_loss(output, labels), config.dimension),
        "sentence": (_sentence_loss(output.sentence, labels.sentence), config.sentence),
    }
    total = torch.stack([value * factor for value, factor in parts.values()]).sum()
    return total, {name: value.detach() for name, (value, _) in parts.items()}


def binary_loss(logits_N4: Tensor, shares_N4: Tensor, config: LossConfig, imbalance: str) -> Tensor:
    """Cross-entropy (N,) of ok against bad; under `focal` times (1 - p)^gamma of the side (Lin et al., 2017, eq. 4)."""
    log_ok = logits_N4.log_softmax(-1)[:, 0]
    log_bad = logits_N4[:, 1:].logsumexp(-1) - logits_N4.logsumexp(-1)
    bad = 1 - shares_N4[:, 0]
    factor_ok = factor_bad = torch.ones_like(bad)
    if imbalance == "weights":
        factor_bad = factor_bad * config.bad_weight
    if imbalance == "focal":
        factor_ok = (1 - log_ok.exp()).clamp(min=_TINY) ** config.focal_gamma
        factor_bad = (1 - log_bad.exp()).clamp(min=_TINY) ** config.focal_gamma
    return -(factor_ok * (1 - bad) * log_ok + factor_bad * bad * log_bad)


def _severity_loss(output: QEOutput, labels: Labels) -> Tensor:
    """Cross-entropy of the severity of bad words on both sides and of gaps, over the mass of bad."""
    logits = torch.cat([output.target[:, 1:], output.gaps[:, 1:], output.source[:, 1:]])
    shares = torch.cat([labels.target[:, 1:], labels.gaps[:, 1:], labels.source[:, 1:]])
    told = (labels.severity_known, labels.gap_severity_known * labels.gaps_known)
    known = torch.cat([*told, labels.source_severity_known * labels.source_known])
    losses = -(shares * logits.log_softmax(-1)).sum(-1) * known
    return losses.sum() / (shares.sum(-1) * known).sum().clamp(min=1)


def _dimension_loss(output: QEOutput, labels: Labels) -> Tensor:
    logits = torch.cat([output.target_dimension, output.gap_dimension])
    wanted = torch.cat([labels.target_dimension, labels.gap_dimension])
    losses = F.cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum")
    return losses / (wanted != IGNORED).sum().clamp(min=1)


def _sentence_loss(predicted_B4: Tensor, wanted_B4: Tensor) -> Tensor:
    known = ~wanted_B4.isnan()
    losses = F.smooth_l1_loss(predicted_B4, torch.where(known, wanted_B4, predicted_B4.detach()), reduction="none")
    return losses.sum() / known.sum().clamp(min=1)


def _mean(losses: Tensor, known: Tensor) -> Tensor:
    return (losses * known).sum() / known.sum().clamp(min=1)
