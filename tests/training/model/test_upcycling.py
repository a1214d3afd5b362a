"""A dense checkpoint becomes a mixture of experts that first answers exactly like it."""

from pathlib import Path

import pytest
import torch
from transformers import M2M100ForConditionalGeneration

from parley.pipeline.errors import InputError
from tests.training.tiny_m2m100 import tiny_m2m100
from training.model.upcycling import upcycle


@pytest.fixture
def dense(tmp_path: Path) -> M2M100ForConditionalGeneration:
    torch.manual_seed(3)
    model = M2M100ForConditionalGeneration(tiny_m2m100(200, width=32, layers=2, init_std=0.3)).eval()
    model.save_pretrained(tmp_path)
    return model


@pytest.mark.parametrize("moe_every", [0, 1, 2])
def test_first_answers_equal_the_dense_model(dense, make_model, batch, tmp_path, moe_every):
    model = make_model(moe_every=moe_every)
    upcycle(model, tmp_path)
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    with torch.no_grad():
        found, expected = model(**inputs).logits, dense(**inputs).logits
    kept = batch["labels"] != -100
    torch.testing.assert_close(found[kept], expected[kept], atol=1e-4, rtol=1e-4)


def test_other_shapes_are_refused(dense, make_model, tmp_path):
    with pytest.raises(InputError, match="decoder layers 3 here, 2 there"):
        upcycle(make_model(decoder_layers=3), tmp_path)
    with pytest.raises(InputError, match="dense M2M100 or NLLB checkpoint cannot be loaded"):
        upcycle(make_model(), tmp_path / "missing")
