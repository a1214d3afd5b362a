"""Batches: right tokens in the right places, shares as configured, the same plan for any number of processes."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from parley.languages.table import directions, pair
from parley.pipeline.errors import InputError
from tests.training.chat_corpus import chat_rows, write_corpus
from training.batches.batch import Batch
from training.batches.encoded import EncodedCorpus
from training.batches.encoding import EncodedConfig, EncodedStage
from training.batches.stream import BatchingConfig, BatchStream
from training.tokenizer import SPECIAL_TOKENS, TokenizerConfig, load_tokenizer
from training.tokenizer_stage import TokenizerStage

CONFIG = BatchingConfig(batch_tokens=256, max_length=64, seed=3)


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.batches.stream.CHUNK_BATCHES", 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batching")
    corpus = write_corpus(folder / "corpus", chat_rows(600), withheld=["fr-th"])
    TokenizerStage(TokenizerConfig(vocab_size=700)).run(folder / "tokenizer", {"corpus": corpus})
    inputs = {"corpus": corpus, "tokenizer": folder / "tokenizer"}
    EncodedStage(EncodedConfig()).run(folder / "encoded", inputs)
    return folder


@pytest.fixture(scope="module")
def encoded(folder: Path) -> EncodedCorpus:
    return EncodedCorpus.open(folder / "encoded")


def take(stream: BatchStream, count: int) -> list[Batch]:
    return list(islice(stream, count))


def same(left: Batch, right: Batch) -> bool:
    tensors = [name for name, value in vars(left).items() if isinstance(value, torch.Tensor)]
    return all(torch.equal(getattr(left, name), getattr(right, name)) for name in tensors)


def equal(left: list[Batch], right: list[Batch]) -> bool:
    return len(left) == len(right) and all(map(same, left, right))


def sentences(batch: Batch) -> list[tuple[str, tuple[int, ...], str, tuple[int, ...]]]:
    """(source, its tokens, target, its tokens) of every message, tags and end taken off."""
    found = []
    for index in range(len(batch.labels)):
        source = batch.input_ids[index][batch.attention_mask[index] == 1].tolist()
        target = batch.labels[index][batch.labels[index] != -100].tolist()
        codes = [SPECIAL_TOKENS[tags[index]].strip("_") for tags in (batch.source_language, batch.target_language)]
        found.append((codes[0], tuple(source[1:-1]), codes[1], tuple(target[:-1])))
    return found


def directions_of(batches: list[Batch]) -> Counter[str]:
    return Counter(f"{source}-{target}" for batch in batches for source, _, target, _ in sentences(batch))


def test_a_batch_holds_tags_tokens_ends_and_padding(encoded: EncodedCorpus, folder: Path) -> None:
    tokenizer = load_tokenizer(folder / "tokenizer")
    batch = take(BatchStream(encoded, CONFIG), 1)[0]
    table = chat_rows(600)
    texts = {(code, text) for code in encoded.languages for text in table[code] if text}
    for index, (source, source_ids, target, target_ids) in enumerate(sentences(batch)):
        assert (source, tokenizer.decode(source_ids)) in texts
        assert (target, tokenizer.decode(target_ids)) in texts
        tags = tokenizer.convert_tokens_to_ids([f"__{source}__", "__auto__", f"__{target}__"])
        length, target_length = len(source_ids) + 2, len(target_ids) + 1
        assert batch.input_ids[index, 0] in tags[:2]
        assert batch.input_ids[index, length - 1] == tokenizer.eos_token_id
        assert (batch.input_ids[index, length:] == tokenizer.pad_token_id).all()
        assert batch.attention_mask[index].tolist() == [1] * length + [0] * (batch.input_ids.shape[1] - length)
        assert batch.decoder_input_ids[index, :target_length].tolist() == [tags[2], *target_ids]
        assert (batch.decoder_input_ids[index, target_length:] == tokenizer.pad_token_id).all()
        assert batch.labels[index, target_length - 1] == tokenizer.eos_token_id
        assert (batch.labels[index, target_length:] == -100).all()
    assert batch.target_tokens == int((batch.labels != -100).sum())
    assert {tensor.dtype for tensor in batch.model_inputs().values()} == {torch.long}
    assert same(batch.to("cpu"), batch)


def test_both_sides_are_translations_of_one_row(encoded: EncodedCorpus) -> None:
    rows = {
        (first, tuple(encoded.tokens(first, row).tolist()), second, tuple(encoded.tokens(second, row).tolist()))
        for name in directions(encoded.languages)
        for first, second in [pair(name)]
        for row in encoded.pair_rows(first, second, "train")
    }
    for batch in take(BatchStream(encoded, CONFIG), 10):
        assert set(sentences(batch)) <= rows


def test_budgets_hold_on_both_sides(encoded: EncodedCorpus) -> None:
    batches = take(BatchStream(encoded, CONFIG), 60)
    assert max(batch.labels.numel() for batch in batches) <= CONFIG.batch_tokens
    assert max(batch.input_ids.numel() for batch in batches) <= 1.5 * CONFIG.batch_tokens


def test_batches_mix_directions_and_are_well_filled(encoded: EncodedCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.batches.stream.CHUNK_BATCHES", 200)
    config = replace(CONFIG, batch_tokens=1024)
    batches = take(BatchStream(encoded, config), 200)
    fill = sum(batch.target_tokens for batch in batches) / sum(batch.labels.numel() for batch in batches)
    source = sum(int(batch.attention_mask.sum()) for batch in batches) / sum(
        batch.input_ids.numel() for batch in batches
    )
    assert fill >= 0.95
    assert source >= 0.9
    assert np.mean([len(directions_of([batch])) > 1 for batch in batches]) > 0.8


def test_withheld_pairs_are_never_trained_on(encoded: EncodedCorpus) -> None:
    seen = directions_of(take(BatchStream(encoded, CONFIG), 100))
    assert set(seen) == set(directions(encoded.languages)) - {"fr-th", "th-fr"}


def test_withheld_pairs_can_be_validated(encoded: EncodedCorpus) -> None:
    assert {"fr-th", "th-fr"} <= set(BatchStream(encoded, CONFIG, split="dev").directions)


def test_shares_follow_temperature_and_overrides(encoded: EncodedCorpus) -> None:
    config = replace(CONFIG, temperature=5.0, pair_weights={"en-th": 3.0, "zh-Hans-en": 0.0})
    stream = BatchStream(encoded, config)
    weight = {
        name: direction.usable ** (1 / 5) * config.pair_weights.get(name, 1.0)
        for name, direction in stream.directions.items()
    }
    seen = directions_of(take(stream, 400))
    assert "zh-Hans-en" not in seen
    for name, count in seen.items():
        assert count / seen.total() == pytest.approx(weight[name] / sum(weight.values()), abs=0.01)
        assert stream.directions[name].probability == pytest.approx(weight[name] / sum(weight.values()))


def test_each_row_once_per_epoch_and_another_order_in_the_next(encoded: EncodedCorpus) -> None:
    only = dict.fromkeys(directions(encoded.languages), 0.0)
    only = {name: 0.0 for name in only if name not in ("fr-th", "th-fr", "en-fr")}
    stream = BatchStream(encoded, replace(CONFIG, pair_weights=only))
    usable = stream.directions["en-fr"].usable
    stream._chunk_size = usable  # one chunk, one epoch
    epochs = []
    for chunk in range(2):
        planned = stream._plan(chunk)
        assert planned.edges[-1] == usable
        assert np.array_equal(np.sort(planned.examples.row), encoded.pair_rows("en", "fr"))
        epochs.append(planned.examples.row)
    assert not np.array_equal(*epochs)


def test_auto_replaces_the_source_tag_with_its_probability(encoded: EncodedCorpus) -> None:
    for probability in (0.0, 0.3, 1.0):
        batches = take(BatchStream(encoded, replace(CONFIG, auto_source_probability=probability)), 100)
        heads = torch.cat([batch.input_ids[:, 0] for batch in batches])
        assert float((heads == encoded.auto_id).float().mean()) == pytest.approx(probability, abs=0.04)


def test_wrong_source_tags_are_of_any_other_language(encoded: EncodedCorpus) -> None:
    config = replace(CONFIG, auto_source_probability=0.2, wrong_source_probability=0.3)
    batches = take(BatchStream(encoded, config), 100)
    heads = torch.cat([batch.input_ids[:, 0] for batch in batches])
    truth = torch.cat([batch.source_language for batch in batches])
    auto, own = heads == encoded.auto_id, heads == truth
    assert float(auto.float().mean()) == pytest.approx(0.2, abs=0.04)
    assert float((~auto & ~own).float().mean()) == pytest.approx(0.3, abs=0.04)
    told = {(int(a), int(b)) for a, b in zip(heads[~auto & ~own], truth[~auto & ~own], strict=True)}
    tags = [encoded.language_ids[code] for code in encoded.languages]
    assert told == {(one, other) for one in tags for other in tags if one != other}
    right = take(BatchStream(encoded, replace(config, wrong_source_probability=0.0)), 100)
    assert all(torch.equal(a.labels, b.labels) for a, b in zip(batches, right, strict=True)), "the plan stays"


def test_long_messages_are_left_out_and_counted(encoded: EncodedCorpus) -> None:
    config = replace(CONFIG, max_length=14)
    stream = BatchStream(encoded, config)
    rows = encoded.pair_rows("en", "zh-Hans")
    longest = np.maximum(encoded.lengths("en")[rows], encoded.lengths("zh-Hans")[rows]) + 2
    direction = stream.directions["en-zh-Hans"]
    assert (direction.usable, direction.too_long) == ((longest <= 14).sum(), (longest > 14).sum())
    assert stream.too_long >= direction.too_long > 0
    for batch in take(stream, 30):
        assert max(batch.input_ids.shape[1], batch.labels.shape[1]) <= 14


def test_resume_goes_on_with_the_next_batch(encoded: EncodedCorpus) -> None:
    straight = take(BatchStream(encoded, CONFIG), 75)  # over several chunks
    for stop in (0, 1, 19, 20, 47):
        first = BatchStream(encoded, CONFIG)
        head = take(first, stop)
        second = BatchStream(encoded, CONFIG)
        second.load_state_dict(first.state_dict())
        assert equal(head + take(second, 75 - stop), straight)


def test_the_plan_is_the_same_for_any_number_of_processes(encoded: EncodedCorpus) -> None:
    straight = take(BatchStream(encoded, CONFIG), 60)
    for world in (2, 3):
        shares = [take(BatchStream(encoded, CONFIG, rank=rank, world=world), 60 // world) for rank in range(world)]
        together = [batch for turn in zip(*shares, strict=True) for batch in turn]
        assert equal(together, straight)


def test_state_is_shared_by_processes_and_moves_to_another_number(encoded: EncodedCorpus) -> None:
    straight = take(BatchStream(encoded, CONFIG), 60)
    streams = [BatchStream(encoded, CONFIG, rank=rank, world=2) for rank in range(2)]
    for stream in streams:
        take(stream, 15)
    assert streams[0].state_dict() == streams[1].state_dict()
    alone = BatchStream(encoded, CONFIG)
    alone.load_state_dict(streams[0].state_dict())
    assert equal(take(alone, 30), straight[30:])


def test_seeds_give_other_plans(encoded: EncodedCorpus) -> None:
    first, other = BatchStream(encoded, CONFIG), BatchStream(encoded, replace(CONFIG, seed=4))
    assert not equal(take(first, 3), take(other, 3))


def test_overrides_for_pairs_without_data_are_refused(encoded: EncodedCorpus) -> None:
    with pytest.raises(InputError, match=r"pair_weights\.fr-th: the pair is withheld"):
        BatchStream(encoded, replace(CONFIG, pair_weights={"fr-th": 2.0}))
    BatchStream(encoded, replace(CONFIG, pair_weights={"en-ko": 2.0}))  # the corpus has no Korean: left aside
    with pytest.raises(InputError, match="no direction has messages"):
        BatchStream(encoded, replace(CONFIG, max_length=3))
    with pytest.raises(InputError, match="no rows in split 'test'"):
        BatchStream(encoded, CONFIG, split="test")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("max_length", 2, r"batching\.max_length=2"),
        ("batch_tokens", 10, r"batching\.batch_tokens=10"),
        ("temperature", 0.0, r"batching\.temperature"),
        ("auto_source_probability", 1.5, r"batching\.auto_source_probability"),
        ("wrong_source_probability", 0.95, r"batching\.wrong_source_probability"),
        ("augmentations", {"cases": 0.1}, r"batching\.augmentations\.cases: no such augmentation"),
        ("augmentations", {"case": 1.1}, r"batching\.augmentations\.case=1\.1"),
        ("pair_weights", {"en-xx": 1.0}, "'en-xx' is not a direction"),
        ("pair_weights", {"en-fr": -1.0}, r"pair_weights\.en-fr"),
    ],
)
def test_bad_values_are_named(key: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        BatchingConfig(**{key: value})


def test_a_batch_in_halves_is_the_batch(encoded: EncodedCorpus) -> None:
    batch = take(BatchStream(encoded, CONFIG), 1)[0]
    halves = batch.halves()
    assert sum(half.target_tokens for half in halves) == batch.target_tokens
    for name in ("input_ids", "attention_mask", "decoder_input_ids", "labels", "source_language", "target_language"):
        assert torch.equal(torch.cat([getattr(half, name) for half in halves]), getattr(batch, name))
    while len(halves[0].labels) > 1:
        halves = halves[0].halves()
    assert halves[0].halves() == []
