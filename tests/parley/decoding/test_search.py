"""Decoding: equal to `generate` of `transformers`, whatever else is in the batch."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from parley.decoding.search import DecodingBatch, Sampling, search_beam, search_one
from parley.decoding.stepper import BeamStepper, Stepper
from tests.parley.decoding.search_models import END, MODELS, VOCABULARY, messages, prompt, stepper
from training.model.modelling import ParleyMoeForConditionalGeneration

LIMIT = 24
COUNT = 17


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(params=list(MODELS))
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    torch.manual_seed(14)
    make: Callable[[], PreTrainedModel] = MODELS[request.param]
    return make()


def generated(model: PreTrainedModel, ids: Tensor, mask: Tensor, **settings: object) -> list[list[int]]:
    """What `generate` gives, without prompt and end."""
    start = prompt(model, len(ids))
    is_teacher = isinstance(model, ParleyMoeForConditionalGeneration)
    begin = {"decoder_start_token_id": int(start[0, -1])} if is_teacher else {"decoder_input_ids": start}
    rows = model.generate(
        input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=LIMIT, early_stopping=False,
        **begin, **settings,
    )  # fmt: skip
    found = [row[start.shape[1] :].tolist() for row in rows]
    return [tokens[: tokens.index(END)] if END in tokens else tokens for tokens in found]


def one(model: PreTrainedModel, ids: Tensor, mask: Tensor, sampling: Sampling | None = None) -> list[list[int]]:
    count = len(ids)
    return search_one([DecodingBatch(stepper(model, ids, mask), prompt(model, count), [LIMIT] * count)], END, sampling)


def beam(model: PreTrainedModel, ids: Tensor, mask: Tensor, beams: int, penalty: float = 1.0) -> list[list[int]]:
    count = len(ids)
    found = search_beam(
        [DecodingBatch(stepper(model, ids, mask), prompt(model, count), [LIMIT] * count)], END, beams, penalty
    )
    assert all(scores == sorted(scores, reverse=True) for scores in ([score for score, _ in row] for row in found))
    return [row[0][1] for row in found]


def test_the_models_end_their_messages_at_different_times(model: PreTrainedModel) -> None:
    lengths = {len(tokens) for tokens in one(model, *messages(COUNT))}
    assert len(lengths) >= 4, "else the tests below would never drop a finished message"
    assert min(lengths) < LIMIT


def test_greedy_equals_generate(model: PreTrainedModel) -> None:
    assert one(model, *messages(COUNT)) == generated(model, *messages(COUNT), num_beams=1)


@pytest.mark.parametrize("penalty", [0.6, 1.0])
@pytest.mark.parametrize("beams", [2, 4])
def test_beam_equals_generate(model: PreTrainedModel, beams: int, penalty: float) -> None:
    found = beam(model, *messages(COUNT), beams, penalty)
    assert found == generated(model, *messages(COUNT), num_beams=beams, length_penalty=penalty)


def test_a_beam_of_one_is_greedy(model: PreTrainedModel) -> None:
    assert beam(model, *messages(COUNT), 1) == one(model, *messages(COUNT))


@pytest.mark.parametrize("search", [one, lambda *inputs: beam(*inputs, 3)])
def test_a_message_alone_decodes_as_in_a_batch(model: PreTrainedModel, search: Callable[..., list[list[int]]]) -> None:
    ids, mask = messages(COUNT)
    together = search(model, ids, mask)
    for row in range(0, COUNT, 4):
        length = int(mask[row].sum())
        assert search(model, ids[row : row + 1, :length], mask[row : row + 1, :length]) == [together[row]]


def test_each_message_keeps_to_its_own_limit(model: PreTrainedModel) -> None:
    ids, mask = messages(COUNT)
    limits = [1 + row % 6 for row in range(COUNT)]
    start = prompt(model, COUNT)
    free = one(model, ids, mask)
    short = search_one([DecodingBatch(stepper(model, ids, mask), start, limits)], END)
    assert short == [tokens[:limit] for tokens, limit in zip(free, limits, strict=True)]
    found = search_beam([DecodingBatch(stepper(model, ids, mask), start, limits)], END, 3)
    assert all(row and all(len(tokens) <= limit for _, tokens in row) for row, limit in zip(found, limits, strict=True))


@pytest.mark.parametrize("beams", [1, 3])
def test_batches_decoded_together_and_joined_equal_one_batch(model: PreTrainedModel, beams: int) -> None:
    ids, mask = messages(COUNT)
    sizes = [8, 5, 4]
    batches = []
    for part_ids, part_mask in zip(ids.split(sizes), mask.split(sizes), strict=True):
        longest = int(part_mask.sum(1).max())  # so that joined batches differ in source length
        part = stepper(model, part_ids[:, :longest], part_mask[:, :longest])
        batches.append(DecodingBatch(part, prompt(model, len(part_ids)), [LIMIT] * len(part_ids)))
    if beams == 1:
        assert search_one(batches, END) == one(model, ids, mask)
    else:
        assert [row[0][1] for row in search_beam(batches, END, beams)] == beam(model, ids, mask, beams)
    assert len({len(batch.stepper.mask_BS) for batch in batches}) > 1, "else no batch took in another"


def test_the_teachers_beams_side_by_side_equal_a_row_for_each() -> None:
    torch.manual_seed(1)
    model, (ids, mask) = MODELS["teacher"](), messages(COUNT)
    quick = stepper(model, ids, mask)
    assert isinstance(quick, BeamStepper)
    general = _TeacherRows(model, quick.encoded_BSD, mask, quick.target_tags_B)
    found, expected = (
        search_beam([DecodingBatch(s, prompt(model, COUNT), [LIMIT] * COUNT)], END, 3) for s in (quick, general)
    )
    assert [[tokens for _, tokens in row] for row in found] == [[tokens for _, tokens in row] for row in expected]
    scores, expected_scores = ([score for row in rows for score, _ in row] for rows in (found, expected))
    assert scores == pytest.approx(expected_scores, abs=1e-4)


class _TeacherRows(Stepper):
    """The teacher decoded as any other model is, a row for each beam."""

    def _forward(self, tokens_AT: Tensor, **extra: object) -> Tensor:
        return super()._forward(tokens_AT, target_language=self.target_tags_B, **extra)


def test_sampling_repeats_under_its_seed(model: PreTrainedModel) -> None:
    inputs = messages(COUNT)
    assert one(model, *inputs, Sampling(seed=3)) == one(model, *inputs, Sampling(seed=3))
    assert one(model, *inputs, Sampling(seed=3)) != one(model, *inputs, Sampling(seed=4))


def test_sampling_of_the_likeliest_token_is_greedy(model: PreTrainedModel) -> None:
    greedy = one(model, *messages(COUNT))
    assert one(model, *messages(COUNT), Sampling(top_k=1)) == greedy
    assert one(model, *messages(COUNT), Sampling(top_p=1e-6)) == greedy


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().repeat(20_000, 1)

    def draw(**settings: float) -> Tensor:
        """Share of each token among many draws."""
        tokens = Sampling(**settings).draw(logits, torch.Generator().manual_seed(0))  # type: ignore[arg-type]
        return torch.bincount(tokens, minlength=4) / len(logits)

    assert draw().tolist() == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.02)
    assert draw(top_k=2).tolist() == pytest.approx([0.625, 0.375, 0, 0], abs=0.02)
    assert draw(top_p=0.6).tolist() == pytest.approx([0.625, 0.375, 0, 0], abs=0.02)
    cold = torch.tensor([0.5, 0.3, 0.15, 0.05]).square()
    assert draw(temperature=0.5).tolist() == pytest.approx((cold / cold.sum()).tolist(), abs=0.02)
    assert draw(top_k=VOCABULARY).tolist() == draw().tolist()
