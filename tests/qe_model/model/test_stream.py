from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from parley.pipeline.errors import InputError
from qe_model.model import stream as stream_module
from qe_model.model.batch import QEBatch
from qe_model.model.collate import batches_of
from qe_model.model.config import MixtureConfig
from qe_model.model.inputs import InputEncoder
from qe_model.model.stream import ExampleStream
from tests.qe_model.tiny_qe import examples
from training.tokenizer import TokenizerConfig, load_tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> InputEncoder:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    texts = [text for one in examples(50) for text in (one.source, one.target)]
    train_tokenizer({"en": texts}, TokenizerConfig(vocab_size=480)).save_pretrained(str(folder))
    return InputEncoder(load_tokenizer(folder), 64, 16)


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "CHUNK_BATCHES", 5)


def stream(encoder: InputEncoder, rank: int = 0, world: int = 1, **changes: object) -> ExampleStream:
    human = [replace(one, origin="human", target_lang="es", raters=("a",)) for one in examples(40, seed=5)]
    settings = {"origins": {"human": 0.75, "synthetic": 0.25}, "batch_tokens": 400}
    config = MixtureConfig(**{**settings, **changes})  # type: ignore[arg-type]
    return ExampleStream([*examples(200), *human], config, encoder, 1, 0, rank, world)


def same(a: QEBatch, b: QEBatch) -> bool:
    return torch.equal(a.input_ids, b.input_ids) and torch.equal(a.labels.target, b.labels.target)  # type: ignore[union-attr]


def test_it_goes_on_at_any_batch(encoder: InputEncoder) -> None:
    whole = stream(encoder)
    batches = list(islice(whole, 12))
    for stop in (1, 5, 11):
        first, second = stream(encoder), stream(encoder)
        list(islice(first, stop))
        second.load_state_dict(first.state_dict())
        assert same(next(iter(second)), batches[stop])


def test_processes_take_turns(encoder: InputEncoder) -> None:
    whole = list(islice(stream(encoder), 6))
    parts = [list(islice(stream(encoder, rank, 2), 3)) for rank in (0, 1)]
    assert all(same(parts[place % 2][place // 2], batch) for place, batch in enumerate(whole))


def test_origins_have_their_shares_and_batches_their_size(encoder: InputEncoder) -> None:
    spanish = encoder.tag_ids["es"]
    batches = list(islice(stream(encoder), 200))
    tags = Counter(int(tag) for batch in batches for tag in batch.tags[:, 1])
    assert tags[spanish] / tags.total() == pytest.approx(0.75, abs=0.03)
    assert max(batch.input_ids.numel() for batch in batches) <= 400


def test_pairs_that_the_conversation_decides_can_have_a_share_of_their_own(encoder: InputEncoder) -> None:
    pairs = [replace(one, id=f"context:{one.id}:right", target_lang="es") for one in examples(30, seed=5)]
    shares = {}
    for name, origins in (("own", {"synthetic": 0.6, "contrast": 0.4}), ("none", {"synthetic": 1.0})):
        config = MixtureConfig(origins=origins, temperature=1.0, batch_tokens=400)
        made = ExampleStream([*examples(90), *pairs], config, encoder, 1, 0)
        tags = Counter(int(tag) for batch in islice(made, 200) for tag in batch.tags[:, 1])
        shares[name] = tags[encoder.tag_ids["es"]] / tags.total()
    assert shares == {"own": pytest.approx(0.4, abs=0.03), "none": pytest.approx(0.25, abs=0.03)}


def test_a_direction_can_be_left_out(encoder: InputEncoder) -> None:
    human = [replace(one, origin="human") for one in examples(30)]
    config = MixtureConfig(origins={"human": 1.0}, directions=["en-fr"], batch_tokens=400)
    rows = [*human, *(replace(one, target_lang="es") for one in human)]
    batches = islice(ExampleStream(rows, config, encoder, 1, 0), 20)
    assert {int(tag) for batch in batches for tag in batch.tags[:, 1]} == {encoder.tag_ids["fr"]}


def test_nothing_to_learn_from_is_an_error(encoder: InputEncoder) -> None:
    with pytest.raises(InputError, match="no annotated translation to learn from"):
        stream(encoder, origins={"contrast": 1.0})


def test_a_message_longer_than_a_batch_is_a_batch() -> None:
    batches = batches_of([10, 500, 12, 11], 100)
    assert sorted(place for batch in batches for place in batch) == [0, 1, 2, 3]
    assert [1] in [batch.tolist() for batch in batches]


def test_two_raters_make_half_a_label(encoder: InputEncoder) -> None:
    one = next(one for one in examples(50) if any(not span.is_point for span in one.spans))
    shared = replace(one, raters=("a", "b"), spans=tuple(replace(span, rater="a") for span in one.spans))
    config = MixtureConfig(origins={"synthetic": 1.0}, batch_tokens=400)
    batch = next(iter(ExampleStream([shared], config, encoder, 1, 0)))
    assert batch.labels is not None
    assert set(batch.labels.target[:, 0].tolist()) == {0.5, 1.0}
