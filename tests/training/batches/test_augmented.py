"""Batches whose messages are rewritten: by the augmentations' word, the same after a resume and for any processes."""

from itertools import islice

import pytest
import torch

from tests.training.toy_corpus import make_inputs
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig, BatchStream

ALL = {"case": 0.3, "typos": 0.2, "concatenation": 0.3}
CONFIG = BatchingConfig(batch_tokens=256, max_length=64, seed=3, augmentations=ALL)


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.batches.stream.CHUNK_BATCHES", 10)


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> EncodedCorpus:
    return EncodedCorpus.open(make_inputs(tmp_path_factory.mktemp("augmented"))["encoded"])


def take(stream: BatchStream, count: int) -> list[dict[str, list[object]]]:
    """Batches as plain values, to be compared."""
    return [
        {name: value.tolist() for name, value in vars(batch).items() if isinstance(value, torch.Tensor)}
        for batch in islice(stream, count)
    ]


def test_resume_goes_on_with_the_next_batch(encoded: EncodedCorpus) -> None:
    straight = take(BatchStream(encoded, CONFIG), 45)
    for stop in (0, 7, 23):
        first, second = BatchStream(encoded, CONFIG), BatchStream(encoded, CONFIG)
        head = take(first, stop)
        second.load_state_dict(first.state_dict())
        assert head + take(second, 45 - stop) == straight


def test_the_plan_is_the_same_for_any_number_of_processes(encoded: EncodedCorpus) -> None:
    straight = take(BatchStream(encoded, CONFIG), 40)
    shares = [take(BatchStream(encoded, CONFIG, rank=rank, world=2), 20) for rank in range(2)]
    assert [batch for turn in zip(*shares, strict=True) for batch in turn] == straight
