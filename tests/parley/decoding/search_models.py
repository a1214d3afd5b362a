"""Random models that end their messages at different times, for tests of decoding: the teacher and M2M100."""

import torch
from torch import Tensor
from transformers import M2M100ForConditionalGeneration, PreTrainedModel

from parley.decoding.stepper import Stepper, stepper_for
from tests.training.tiny_m2m100 import tiny_m2m100
from training.model.configuration import ParleyMoeConfig
from training.model.modelling import ParleyMoeForConditionalGeneration

VOCABULARY = 200
END = 2
SOURCE_TAG, TARGET_TAG = 4, 5


def teacher() -> PreTrainedModel:
    config = ParleyMoeConfig(
        vocab_size=VOCABULARY,
        decoder_layers=3,
        languages=["en", "fr", "de"],
        language_token_ids=[SOURCE_TAG, TARGET_TAG, 6],
        auto_token_id=7,
    )
    return _shaken(ParleyMoeForConditionalGeneration(config), 0.2, "decoder.norm.bias", 9.7)


def m2m100() -> PreTrainedModel:
    config = tiny_m2m100(VOCABULARY, width=32, layers=2)
    return _shaken(M2M100ForConditionalGeneration(config), 0.24, "model.decoder.layer_norm.bias", 4.8)


MODELS = {"teacher": teacher, "m2m100": m2m100}


@torch.no_grad()
def _shaken(model: PreTrainedModel, noise: float, norm: str, likely_end: float) -> PreTrainedModel:
    """Large random weights, so that the next token depends on the message, and an end that is likely at every step."""
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter += torch.randn(parameter.shape, generator=generator) * noise
    bias_D = dict(model.named_parameters())[norm]  # of the last norm: what it adds to every state, the end looks for
    bias_D += torch.randn(bias_D.shape, generator=generator)
    model.get_input_embeddings().weight[END] += likely_end * bias_D / bias_D.square().sum()
    return model.eval()


def messages(count: int) -> tuple[Tensor, Tensor]:
    """Source ids and mask (B, S) of random messages of 3 to 11 tokens."""
    generator = torch.Generator().manual_seed(3)
    lengths = torch.randint(3, 12, (count,), generator=generator).tolist()
    ids = torch.full((count, max(lengths) + 2), 1)
    for row, length in enumerate(lengths):
        tokens = torch.randint(20, VOCABULARY, (length,), generator=generator).tolist()
        ids[row, : length + 2] = torch.tensor([SOURCE_TAG, *tokens, END])
    return ids, (ids != 1).long()


def prompt(model: PreTrainedModel, count: int) -> Tensor:
    """What the decoder begins with (B, T): the tag, in M2M100 after the end token."""
    start = [TARGET_TAG] if isinstance(model, ParleyMoeForConditionalGeneration) else [END, TARGET_TAG]
    return torch.tensor([start] * count)


def stepper(model: PreTrainedModel, ids: Tensor, mask: Tensor) -> Stepper:
    encoded = model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
    return stepper_for(model, encoded, mask, prompt(model, len(ids))[:, -1])
