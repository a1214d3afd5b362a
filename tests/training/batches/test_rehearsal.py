"""Old rows beside new ones: who is old, and that each comes as often as it is told."""

from itertools import islice

import numpy as np
import pytest

from tests.training.chat_corpus import chat_rows, write_corpus
from training.batches.encoded import EncodedCorpus
from training.batches.encoding import EncodedConfig, EncodedStage
from training.batches.rehearsal import Rehearsal, rehearsal
from training.batches.stream import BatchingConfig, BatchStream
from training.tokenizer import TokenizerConfig
from training.tokenizer_stage import TokenizerStage

CONFIG = BatchingConfig(batch_tokens=256, max_length=64, seed=3, pair_weights={"en-fr": 2.0})
ROWS = chat_rows(600)
BEFORE = {name: values[2::3] for name, values in ROWS.items()}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EncodedCorpus]:
    """All rows, and a third of them that was there before."""
    folder = tmp_path_factory.mktemp("rehearsal")
    found = {}
    for name, rows in (("all", ROWS), ("before", BEFORE)):
        corpus = write_corpus(folder / name, rows)
        inputs = {"corpus": corpus, "tokenizer": folder / "tokenizer"}
        if name == "all":
            TokenizerStage(TokenizerConfig(vocab_size=700)).run(folder / "tokenizer", inputs)
        EncodedStage(EncodedConfig()).run(folder / f"encoded_{name}", inputs)
        found[name] = EncodedCorpus.open(folder / f"encoded_{name}")
    return found


def of(stores: dict[str, EncodedCorpus], share: float) -> Rehearsal:
    found = rehearsal(stores["all"], stores["before"], share)
    assert found is not None
    return found


def test_old_are_the_rows_that_were_trained_on(stores: dict[str, EncodedCorpus]) -> None:
    ids, splits = (np.array(stores["all"].fact(name).to_pylist()) for name in ("row_id", "split"))
    trained = {row for row, split in zip(BEFORE["row_id"], BEFORE["split"], strict=True) if split == "train"}
    assert set(ids[of(stores, 0.5).old]) == trained
    assert set(splits[of(stores, 0.5).old]) == {"train"}


def test_without_old_rows_or_without_new_ones_there_is_no_mixture(stores: dict[str, EncodedCorpus]) -> None:
    assert rehearsal(stores["before"], stores["all"], 0.5) is None
    assert rehearsal(stores["all"], stores["all"], 0.5) is None


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_old_messages_have_the_share_that_they_are_given(
    stores: dict[str, EncodedCorpus], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.batches.stream.CHUNK_BATCHES", 20)
    stream = BatchStream(stores["all"], CONFIG, rehearsal=of(stores, share))
    batches = list(islice(stream, 150))
    given = stream.messages(stream.state_dict())
    assert given.human == sum(len(batch.labels) for batch in batches)
    assert given.rehearsed / given.human == pytest.approx(share, abs=0.02)
    plain = BatchStream(stores["all"], CONFIG)
    assert plain.messages(plain.state_dict()) == (0, {}, 0)


def test_new_rows_are_all_seen(stores: dict[str, EncodedCorpus]) -> None:
    """A walk through a pool meets each of its rows once before it meets one again."""
    found = of(stores, 0.5)
    stream = BatchStream(stores["all"], CONFIG, rehearsal=found)
    examples, epoch = stream.sampler.draw(0, 20_000, np.random.default_rng(1))
    chosen = (examples.source == 0) & (examples.target == 2) & (epoch == 0)  # en-fr
    rows = examples.row[chosen]
    assert len(set(rows.tolist())) == len(rows)
    assert found.old[rows].any()
    assert not found.old[rows].all()
