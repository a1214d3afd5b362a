"""Models of width 32 over a vocabulary of 200, and a batch of two messages with padding."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from training.model.configuration import ParleyMoeConfig
from training.model.modelling import ParleyMoeForConditionalGeneration

TINY = {
    "vocab_size": 200,
    "d_model": 32,
    "num_attention_heads": 2,
    "ffn_dim": 64,
    "expert_ffn_dim": 64,
    "dropout": 0.0,
    "languages": ["en", "fr", "th"],
    "language_token_ids": [4, 5, 6],
    "auto_token_id": 7,
}
ModelMaker = Callable[..., ParleyMoeForConditionalGeneration]


@pytest.fixture
def make_model() -> ModelMaker:
    def make(**changes: object) -> ParleyMoeForConditionalGeneration:
        torch.manual_seed(0)
        return ParleyMoeForConditionalGeneration(ParleyMoeConfig(**{**TINY, **changes})).eval()

    return make


@pytest.fixture
def batch() -> dict[str, Tensor]:
    source = torch.tensor([[4, 20, 21, 22, 2], [7, 30, 31, 2, 1]])
    return {
        "input_ids": source,
        "attention_mask": (source != 1).long(),
        "decoder_input_ids": torch.tensor([[5, 40, 41, 42], [6, 50, 51, 1]]),
        "labels": torch.tensor([[40, 41, 42, 2], [50, 51, 2, -100]]),
    }
