"""Batches whose messages are rewritten: as the augmentation says, the same after a resume and for any processes."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from shutil import copytree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message
from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from tests.training.toy_corpus import make_inputs
from training.batches.encoded import ROWS, EncodedCorpus
from training.batches.encoding import encode_column, write_meta
from training.batches.one_way import OneWay
from training.batches.stream import BatchingConfig, BatchStream
from training.tokenizer import BACKTRANSLATED, SPECIAL_TOKENS

PLAIN = BatchingConfig(batch_tokens=256, max_length=64, seed=3)
CONFIG = replace(PLAIN, augmentations={"case": 0.3, "typos": 0.2, "concatenation": 0.3})
Sides = tuple[str, str, str, str]  # source language, source, target language, target


@AUGMENTATIONS.register("backwards")
def backwards(message: Message, _: Random) -> Message:
    """Not shipped: registered from outside."""
    return replace(message, source=message.source[::-1])


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


def texts(encoded: EncodedCorpus, config: BatchingConfig, count: int = 20, **options: OneWay) -> list[Sides]:
    """The messages of the first batches, special tokens taken off."""
    tokenizer = encoded.tokenizer()

    def words(ids: torch.Tensor) -> list[str]:
        return [str(tokenizer.decode(row, skip_special_tokens=True)) for row in ids]

    def codes(tags: torch.Tensor) -> list[str]:
        return [SPECIAL_TOKENS[tag].strip("_") for tag in tags.tolist()]

    found: list[Sides] = []
    for batch in islice(BatchStream(encoded, config, **options), count):
        source, target = words(batch.input_ids), words(batch.decoder_input_ids)
        found += zip(codes(batch.source_language), source, codes(batch.target_language), target, strict=True)
    return found


def originals(encoded: EncodedCorpus) -> set[Sides]:
    """Every message of the corpus in every direction."""
    tokenizer = encoded.tokenizer()
    rows = {
        code: [str(tokenizer.decode(encoded.tokens(code, row))) for row in range(encoded.row_count)]
        for code in encoded.languages
    }
    pairs = ((source, target) for source in rows for target in rows if source != target)
    return {(a, x, b, y) for a, b in pairs for x, y in zip(rows[a], rows[b], strict=True)}


def halves(message: Sides) -> Iterator[tuple[Sides, Sides]]:
    """A message cut at every space into two, with as many words on both sides."""
    first, source, second, target = message
    words, said = source.split(" "), target.split(" ")
    for place in range(1, len(words)):
        one = first, " ".join(words[:place]), second, " ".join(said[:place])
        yield one, (first, " ".join(words[place:]), second, " ".join(said[place:]))


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


def test_only_the_share_is_rewritten(encoded: EncodedCorpus) -> None:
    known = originals(encoded)
    assert set(texts(encoded, PLAIN)) <= known
    assert take(BatchStream(encoded, replace(PLAIN, augmentations={"typos": 0.0})), 20) == take(
        BatchStream(encoded, PLAIN), 20
    )
    found = texts(encoded, replace(PLAIN, augmentations={"backwards": 0.25}), 120)
    assert np.mean([message not in known for message in found]) == pytest.approx(0.25, abs=0.03)


def test_another_entry_is_used_by_its_name(encoded: EncodedCorpus) -> None:
    found = texts(encoded, replace(PLAIN, augmentations={"backwards": 1.0}))
    assert {(first, source[::-1], second, target) for first, source, second, target in found} <= originals(encoded)


def test_a_message_is_rewritten_otherwise_in_each_epoch_and_direction(encoded: EncodedCorpus) -> None:
    by_target: dict[str, set[str]] = {}
    for _, source, _, target in texts(encoded, replace(PLAIN, augmentations={"typos": 1.0}), 150):
        by_target.setdefault(target, set()).add(source)
    assert np.mean([len(sources) for sources in by_target.values()]) > 3


def test_two_messages_of_a_direction_become_one(encoded: EncodedCorpus) -> None:
    known = originals(encoded)
    found = texts(encoded, replace(PLAIN, augmentations={"concatenation": 1.0}))
    joined = [any(one in known and other in known for one, other in halves(message)) for message in found]
    alone = [message in known for message in found]
    assert np.mean(np.array(joined) | np.array(alone)) == 1
    assert np.mean(joined) > 0.9, "all but those that would be too long"


def test_sources_mix_languages_that_are_not_withheld_from_the_target(encoded: EncodedCorpus) -> None:
    known = originals(encoded)
    words = {code: {word for first, text, _, _ in known if first == code for word in text.split()} for code in CODES}
    found: dict[tuple[str, str], set[str]] = {}
    for source, text, target, said in texts(encoded, replace(PLAIN, augmentations={"mixed": 1.0}), 40):
        mixed = {code for code in encoded.languages if words[code] & {*text.split()}}
        found.setdefault((source, target), set()).update(mixed)
        assert {*said.split()} <= words[target], "the target stays in one language"
    assert found[("fr", "en")] == found[("th", "en")] == {"en", "fr", "th"}
    assert found[("en", "th")] == {"en", "th"}, "fr-th is withheld"


def test_budgets_and_lengths_hold(encoded: EncodedCorpus) -> None:
    config = replace(PLAIN, max_length=24, augmentations={"concatenation": 1.0})
    for batch in islice(BatchStream(encoded, config), 40):
        assert batch.labels.numel() <= config.batch_tokens
        assert batch.input_ids.numel() <= 1.5 * config.batch_tokens
        assert max(batch.labels.shape[1], batch.input_ids.shape[1]) <= config.max_length


def test_other_splits_are_left_alone(encoded: EncodedCorpus) -> None:
    assert take(BatchStream(encoded, CONFIG, "dev"), 5) == take(BatchStream(encoded, PLAIN, "dev"), 5)


def test_synthetic_sources_keep_their_tag(encoded: EncodedCorpus, tmp_path: Path) -> None:
    tokenizer = encoded.tokenizer()
    tag = tokenizer.convert_tokens_to_ids(BACKTRANSLATED)
    sides = {"fr": ["un deux trois"] * 30, "th": ["neung song sam"] * 30}
    for code, cells in sides.items():
        heads = np.full(30, tag if code == "fr" else -1, np.int64)
        list(encode_column(tmp_path, code, pa.chunked_array([cells]), tokenizer, 30, heads))
    pq.write_table(pa.table({"split": ["train"] * 30, "direction": ["fr-th"] * 30}), tmp_path / ROWS)
    write_meta(tmp_path, tokenizer, list(sides), [])
    config = replace(PLAIN, augmentations={"backwards": 1.0})
    stream = BatchStream(encoded, config, one_way=OneWay(EncodedCorpus.open(tmp_path), {"fr-th": 0.5}))
    tagged = [row for batch in islice(stream, 60) for row in batch.input_ids if tag in row]
    assert {str(tokenizer.decode(row, skip_special_tokens=True)) for row in tagged} == {"siort xued nu"}
    assert all(row[1] == tag for row in tagged)
    human, synthetic, _ = stream.messages(stream.state_dict())
    assert synthetic["fr-th"] == len(tagged)
    assert synthetic["fr-th"] / human == pytest.approx(0.5, abs=0.05)


def test_a_store_without_its_tokenizer_is_refused(encoded: EncodedCorpus, tmp_path: Path) -> None:
    copytree(encoded.directory, tmp_path / "encoded")
    (tmp_path / "encoded/tokenizer.json").unlink()
    store = EncodedCorpus.open(tmp_path / "encoded")
    take(BatchStream(store, PLAIN), 1)
    with pytest.raises(InputError, match=r"encoded: no tokenizer\.json"):
        BatchStream(store, CONFIG)
