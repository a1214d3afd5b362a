"""What is optimised: bad or ok, then how bad, of which dimension.

The cross-entropy over four severities is taken apart: H(ok or bad) + share of bad x H(severity given bad). So labels
that tell ok and bad alone train the first part. Bad words weigh as much as others: probabilities mean what they say.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from qe_model.model.batch import IGNORED, Labels, QEBatch
from qe_model.model.config import LossConfig
from qe_model.model.estimator import QEOutput

# Factors of the parts beside words; that of severities is in the config.
GAPS: Final = 0.5
SOURCE: Final = 0.3
DIMENSION: Final = 0.3


def total_loss(output: QEOutput, batch: QEBatch, config: LossConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean loss per word, with the encoder's own, and its parts; a scalar with gradient, and means for the log."""
    labels = batch.labels
    assert labels is not None
    parts = {
        "words": (_binary_loss(output.target, labels.target), 1.0),
        "gaps": (_binary_loss(output.gaps, labels.gaps), GAPS),
        "source": (_binary_loss(output.source, labels.source), SOURCE),
        "severity": (_severity_loss(output, labels), config.severity),
        "dimension": (_dimension_loss(output, labels), DIMENSION),
    }
    total = torch.stack([value * factor for value, factor in parts.values()]).sum()
    if output.encoder_loss is not None:
        total = total + output.encoder_loss
    return total, {name: value.detach() for name, (value, _) in parts.items()}


def _binary_loss(logits_N4: Tensor, shares_N4: Tensor) -> Tensor:
    """Mean cross-entropy of ok against bad, over the words that are labelled."""
    known = ~shares_N4[:, 0].isnan()
    ok = shares_N4[:, 0].nan_to_num(1.0)
    log_ok = logits_N4.log_softmax(-1)[:, 0]
    log_bad = logits_N4[:, 1:].logsumexp(-1) - logits_N4.logsumexp(-1)
    return -((ok * log_ok + (1 - ok) * log_bad) * known).sum() / known.sum().clamp(min=1)


def _severity_loss(output: QEOutput, labels: Labels) -> Tensor:
    """Cross-entropy of the severity of bad words on both sides and of gaps, over the mass of bad."""
    logits = torch.cat([output.target[:, 1:], output.gaps[:, 1:], output.source[:, 1:]])
    shares = torch.cat([labels.target[:, 1:], labels.gaps[:, 1:], labels.source[:, 1:]]).nan_to_num(0.0)
    return -(shares * logits.log_softmax(-1)).sum() / shares.sum().clamp(min=1)


def _dimension_loss(output: QEOutput, labels: Labels) -> Tensor:
    logits = torch.cat([output.target_dimension, output.gap_dimension])
    wanted = torch.cat([labels.target_dimension, labels.gap_dimension])
    losses = F.cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum")
    return losses / (wanted != IGNORED).sum().clamp(min=1)
