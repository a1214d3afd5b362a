"""What the losses teach: each head its labels, and nothing where labels do not tell."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from qe_model.model.batch import IGNORED, Labels, QEBatch
from qe_model.model.config import LossConfig
from qe_model.model.estimator import QEOutput
from qe_model.model.losses import total_loss

MAJOR = [0.0, 0.0, 1.0, 0.0]
OK = [1.0, 0.0, 0.0, 0.0]


def output() -> QEOutput:
    def logits(rows: int, width: int) -> torch.Tensor:
        return torch.zeros(rows, width, requires_grad=True)

    return QEOutput(logits(2, 4), logits(2, 3), logits(3, 4), logits(3, 3), logits(2, 4))


def labels() -> Labels:
    return Labels(
        target=torch.tensor([OK, OK]),
        gaps=torch.tensor([OK, OK, OK]),
        source=torch.tensor([OK, MAJOR]),
        target_dimension=torch.full((2,), IGNORED),
        gap_dimension=torch.full((3,), IGNORED),
    )


def batch(wanted: Labels) -> QEBatch:
    """The losses look at a batch's labels alone."""
    return SimpleNamespace(labels=wanted)  # type: ignore[return-value]


@pytest.mark.parametrize("told", [True, False])
def test_source_words_learn_how_bad_they_are_where_labels_tell(told: bool) -> None:
    said, wanted = output(), labels()
    if not told:
        wanted.source[:, 1:] = torch.nan
    total_loss(said, batch(wanted), LossConfig())[0].backward()
    assert said.source.grad is not None
    minor, major, critical = said.source.grad[1, 1:].tolist()
    assert minor == pytest.approx(critical)
    assert (major < minor) is told  # down the gradient: major rises above the others
    assert major == pytest.approx(minor) or told


def test_what_is_unknown_teaches_nothing() -> None:
    said = output()
    total_loss(said, batch(replace(labels(), source=torch.full((2, 4), torch.nan))), LossConfig())[0].backward()
    assert said.source.grad is not None
    assert said.source.grad.abs().sum() == 0
