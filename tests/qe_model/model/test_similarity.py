"""Similarity: distances of pieces to the nearest piece of the other text."""

import pytest
import torch

from qe_model.model.similarity import distances


def test_the_nearest_piece_of_the_other_text_counts() -> None:
    target = torch.tensor([[[9.0, 0.0], [1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]])
    source = torch.tensor([[[3.0, 0.0], [7.0, 0.0], [0.0, 0.0]]])
    to_target, to_source = distances(target, torch.tensor([[0, 1, 1, 0]]), source, torch.tensor([[1, 1, 0]]))
    assert to_target[0, :, 0].tolist() == pytest.approx([0, 0, 5, 0])  # 5 x (1 - cosine)
    assert to_source[0, :, 0].tolist() == pytest.approx([0, 0, 0])
    assert to_target[0, 0, 1:].tolist() == pytest.approx([2.5, 0])  # means over this text and the other one
    assert to_source[0, 0, 1:].tolist() == pytest.approx([0, 2.5])


def test_an_empty_text_is_far_from_all() -> None:
    to_target, to_source = distances(
        torch.ones(1, 2, 2), torch.tensor([[1, 1]]), torch.ones(1, 2, 2), torch.tensor([[0, 0]])
    )
    assert torch.isfinite(to_target).all()
    assert to_target[0, :, 0].tolist() == pytest.approx([10, 10])  # as far as can be
    assert (to_source[..., :2] == 0).all()
