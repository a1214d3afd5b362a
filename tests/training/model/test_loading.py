"""A model that is moved and cast keeps in fp32 what is declared so."""

import torch
from torch import Tensor

from tests.training.model.conftest import ModelMaker
from training.model.loading import to_device


def test_routers_stay_in_fp32_and_send_tokens_where_they_did(make_model: ModelMaker, batch: dict[str, Tensor]) -> None:
    model = make_model()
    to_device(model, torch.device("cpu"), torch.bfloat16)
    routers = model.routers()
    assert routers
    for router in routers.values():
        assert {value.dtype for value in [*router.parameters(), *router.buffers()]} == {torch.float32}
    assert model.lm_head.weight.dtype == torch.bfloat16
    with torch.no_grad():
        loss = model(**batch).loss
    torch.testing.assert_close(loss.float(), make_model()(**batch).loss, atol=0.05, rtol=0.05)
