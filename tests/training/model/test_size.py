"""Parameters, memory and arithmetic, against counts by hand."""

import math

import pytest
import torch

from parley.config.composition import compose_config
from parley.languages.table import AUTO, LANGUAGES
from parley.pipeline.errors import InputError
from scripts.describe_model import DescribeConfig
from tests.training.model.conftest import ModelMaker
from training.model.configuration import ParleyMoeConfig
from training.model.modelling import ParleyMoeForConditionalGeneration
from training.model.size import active_parameters, measure, meta_model
from training.model.teacher_config import TeacherConfig

TOKENS = [language.token for language in LANGUAGES.values()] + [f"__{AUTO}__"]
IDS = {token: 4 + place for place, token in enumerate(TOKENS)}
# Width 32, one layer each of which is MoE with 3 experts of inner width 10, top 1, and a shared expert of 6.
WIDTH, INNER, SHARED, EXPERTS, VOCABULARY, LANGUAGE_COUNT = 32, 10, 6, 3, 50, 2
HAND = ParleyMoeConfig(
    vocab_size=VOCABULARY,
    d_model=WIDTH,
    encoder_layers=1,
    decoder_layers=1,
    num_attention_heads=2,
    num_experts=EXPERTS,
    experts_per_token=1,
    expert_ffn_dim=INNER,
    shared_expert_ffn_dim=SHARED,
    moe_every=1,
    languages=["en", "fr"],
    language_token_ids=[4, 5],
    auto_token_id=6,
)


def network(inner: int) -> int:
    """Two matrices with biases."""
    return WIDTH * inner + inner + inner * WIDTH + WIDTH


def test_counts_agree_with_a_count_by_hand() -> None:
    norm, attention = 2 * WIDTH, 4 * (WIDTH * WIDTH + WIDTH)
    router = EXPERTS * WIDTH + LANGUAGE_COUNT * EXPERTS
    encoder = norm + attention + norm + router + network(SHARED) + norm + WIDTH * LANGUAGE_COUNT + LANGUAGE_COUNT
    decoder = norm + attention + norm + attention + norm + router + network(SHARED) + norm
    size = measure(HAND)
    assert size.embedding_params == VOCABULARY * WIDTH
    assert size.active_params == VOCABULARY * WIDTH + encoder + decoder + 2 * network(INNER)
    assert size.params == VOCABULARY * WIDTH + encoder + decoder + 2 * EXPERTS * network(INNER)


def test_flops_follow_the_matrices() -> None:
    short, long = measure(HAND, 8, 8), measure(HAND, 16, 8)
    encoder = meta_model(HAND).encoder
    assert short.encoder_flops == 2 * (active_parameters(encoder) - VOCABULARY * WIDTH) + 4 * WIDTH * 8
    assert long.encoder_flops - short.encoder_flops == 4 * WIDTH * 8  # attention over eight more tokens
    assert long.decoder_flops - short.decoder_flops == 4 * WIDTH * 8


def test_a_real_model_has_as_many_parameters(make_model: ModelMaker) -> None:
    model = make_model()
    assert measure(model.config).params == sum(parameter.numel() for parameter in model.parameters())


def test_a_dense_model_is_all_active(make_model: ModelMaker) -> None:
    size = measure(make_model(moe_every=0).config)
    assert size.active_params == size.params


def test_nothing_is_allocated() -> None:
    model: ParleyMoeForConditionalGeneration = meta_model(HAND)
    tensors = [*model.parameters(), *model.buffers()]
    assert {tensor.device for tensor in tensors} == {torch.device("meta")}


def test_roblox_1b_has_a_billion_parameters() -> None:
    described = compose_config(DescribeConfig, "describe_model", ["teacher=roblox_1b"])
    size = measure(described.teacher.model_config(described.vocab_size, IDS))
    assert 0.9e9 < size.params < 1.1e9
    assert size.active_params < 0.7 * size.params
    assert size.training_bytes["weights bf16"] == 2 * size.params


@pytest.mark.parametrize(
    "change", [{"d_model": -190}, {"moe_every": -1}, {"dropout": math.nan}, {"label_smoothing": 7}]
)
def test_sizes_that_cannot_be_are_one_line(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"teacher: {next(iter(change))}=.*: choose from"):
        TeacherConfig(**change)  # type: ignore[arg-type]
