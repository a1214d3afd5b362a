"""The packed output layer: the same logits, for the time of the context only."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from parley.decoding.packed_output import packed_output
from tests.parley.decoding.search_models import MODELS


@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("make", MODELS.values(), ids=list(MODELS))
def test_packing_changes_no_logits(make: Callable[[], Any], rows: int) -> None:
    model, generator = make(), torch.Generator().manual_seed(0)
    head = model.get_output_embeddings()
    with torch.inference_mode():
        x_A1D = torch.randn(rows, 1, head.weight.shape[1], generator=generator)
        expected = head(x_A1D)
        with packed_output(model):
            torch.testing.assert_close(head(x_A1D), expected, rtol=1e-5, atol=1e-5)


def test_the_layer_is_itself_again_afterwards_and_sees_new_weights() -> None:
    model = MODELS["teacher"]()
    head: Any = model.get_output_embeddings()
    with torch.inference_mode(), packed_output(model):
        assert "forward" in vars(head)
    with torch.inference_mode(), pytest.raises(ZeroDivisionError), packed_output(model):
        raise ZeroDivisionError
    assert "forward" not in vars(head)
    with torch.inference_mode():
        for scale in (1.0, 2.0):
            head.weight.fill_(scale)
            with packed_output(model):
                assert float(head(torch.ones(1, head.in_features))[0, 0]) == head.in_features * scale


@pytest.mark.parametrize(("dtype", "gradients"), [(torch.bfloat16, False), (torch.float32, True)])
def test_what_cannot_be_packed_is_left_alone(dtype: torch.dtype, gradients: bool) -> None:
    model = MODELS["m2m100"]().to(dtype)
    with torch.set_grad_enabled(gradients), packed_output(model):
        assert "forward" not in vars(model.get_output_embeddings())
