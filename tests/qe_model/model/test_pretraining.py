from pathlib import Path

import numpy as np
import pytest
import torch

from qe_model.model.config import LossConfig, QEModelConfig
from qe_model.model.corruption import Corruption, CorruptionRates, as_pieces, split_words, word_starts
from qe_model.model.estimator import build_model
from qe_model.model.pretraining import DetectionTask, TeacherGenerator
from qe_model.model.saving import input_encoder
from qe_model.model.word_tables.tables import WordTables
from qe_model.model.word_tables.word_table import WordTable
from tests.qe_model.tiny_qe import make_world
from training.batches.batch import Batch
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig, BatchStream
from training.model.loading import load_model
from training.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_world(tmp_path_factory.mktemp("world"))


def batch_of(world: dict[str, Path]) -> Batch:
    return next(
        iter(BatchStream(EncodedCorpus.open(world["encoded"]), BatchingConfig(batch_tokens=200, max_length=64)))
    )


def task(world: dict[str, Path], rates: CorruptionRates) -> DetectionTask:
    teacher = load_model(world["teacher"])
    model = build_model(QEModelConfig(dropout=0.0), teacher, 1)
    generator = TeacherGenerator(teacher, 1.0)  # type: ignore[arg-type]
    encoder = input_encoder(model, load_tokenizer(world["teacher"]))
    return DetectionTask(model, generator, encoder, LossConfig(), [batch_of(world)], rates)


def test_words_begin_at_spaces_and_in_scripts_without_them(world: dict[str, Path]) -> None:
    tokenizer = load_tokenizer(world["tokenizer"])
    starts = word_starts(tokenizer)
    vocabulary = tokenizer.get_vocab()
    assert starts[vocabulary[" g"]]
    assert not starts[vocabulary["g"]]
    assert not starts[vocabulary["<0xE0>"]]


def test_words_come_apart_and_together() -> None:
    starts = np.array([True, False, True, True])
    ids = np.array([0, 1, 1, 2, 3, 0])
    words = split_words(ids, starts)
    assert [word.tolist() for word in words] == [[0, 1, 1], [2], [3], [0]]
    joined = as_pieces(words)
    assert joined.ids.tolist() == ids.tolist()
    assert joined.first.tolist() == [0, 3, 4, 5]
    assert joined.last.tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("changes", "wrong", "missing"),
    [
        ({"most": 0.0, "omit": 0.0, "insert": 0.0}, 0, 0),
        ({"most": 0.0, "omit": 0.0, "insert": 1.0}, 5, 0),
        ({"most": 0.0, "omit": 0.999, "insert": 0.0}, 0, 1),
    ],
    ids=["nothing", "a word behind each", "nearly all left out"],
)
def test_corruption_is_labelled_where_it_is(changes: dict[str, float], wrong: int, missing: int) -> None:
    starts = np.ones(50, bool)
    target, source = np.array([1, 2, 3, 4, 5]), np.array([11, 12])
    corruption, generator = Corruption(starts, CorruptionRates(**changes)), np.random.default_rng(0)
    plan = corruption.plan(target, generator)
    assert not plan.sampled.any()
    found = corruption.corrupt(plan, source, target + 20, np.array([40, 41]), generator)
    assert len(found.missing) == found.pieces.words + 1 == len(found.wrong) + 1
    assert found.wrong.sum() == wrong
    assert found.missing.sum() == missing
    right = [int(piece) for piece, bad in zip(found.pieces.ids, found.wrong, strict=True) if not bad]
    assert right == [piece for piece in target.tolist() if piece in right]


def test_replaced_words_are_wrong_words() -> None:
    rates = CorruptionRates(most=1.0, omit=0.0, insert=0.0, unigram=0.25, swap=0.25, copy=0.25)
    target = np.arange(1, 41)
    corruption, put_in = Corruption(np.ones(200, bool), rates), set[int]()
    for seed in range(10):
        generator = np.random.default_rng(seed)
        plan = corruption.plan(target, generator)
        found = corruption.corrupt(plan, np.arange(50, 60), target + 100, np.arange(60, 70), generator)
        assert (found.pieces.ids[plan.sampled] == target[plan.sampled] + 100).all()
        assert plan.sampled.sum() <= found.wrong.sum()
        assert found.pieces.words == 40
        assert (found.wrong == (found.pieces.ids != target)).all()
        put_in.update(found.pieces.ids[found.wrong].tolist())
    kinds = [(100, 141), (60, 70), (50, 60), (1, 41)]  # samples, other messages, the source, neighbours
    assert all(any(low <= piece < high for piece in put_in) for low, high in kinds)


def test_the_generator_samples_what_the_teacher_would_say(world: dict[str, Path]) -> None:
    batch, teacher = batch_of(world), load_model(world["teacher"])
    torch.manual_seed(0)
    kept = batch.labels != -100
    cold = TeacherGenerator(teacher, 1e-3).propose(batch, kept)  # type: ignore[arg-type]
    inputs = {name: value for name, value in batch.model_inputs().items() if name != "labels"}
    best = teacher(**inputs).logits.argmax(-1)
    assert (cold == best)[kept].float().mean() > 0.99


def test_detection_is_learned(world: dict[str, Path]) -> None:
    found = task(world, CorruptionRates(most=0.5, unigram=0.0, swap=0.0, copy=0.0))
    optimizer = torch.optim.Adam([p for p in found.model.parameters() if p.requires_grad], 5e-3)
    torch.manual_seed(0)
    batch, losses = batch_of(world), []
    for _ in range(40):
        parts = found.loss(batch)
        (parts.loss_sum / parts.tokens).backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(parts.loss_sum.detach()) / parts.tokens)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert found.validate(found.model)["dev/mcc"] > 0.2


def test_the_same_seed_is_the_same_corruption(world: dict[str, Path]) -> None:
    found, batch = task(world, CorruptionRates()), batch_of(world)
    ids = []
    for _ in range(2):
        torch.manual_seed(1)
        ids.append(found.corrupted(batch, 7).input_ids)
    assert torch.equal(*ids)


def test_corrupted_words_come_with_the_evidence_of_word_tables(world: dict[str, Path]) -> None:
    teacher = load_model(world["teacher"])
    pairs = [("go", "lt"), ("now", "stb")]
    tables = WordTables({"en-fr": WordTable.fit(pairs), "fr-en": WordTable.fit([pair[::-1] for pair in pairs])})
    model = build_model(QEModelConfig(dropout=0.0), teacher, 1, word_tables=True)
    encoder = input_encoder(model, load_tokenizer(world["teacher"]), tables)
    generator = TeacherGenerator(teacher, 1.0)  # type: ignore[arg-type]
    found = DetectionTask(model, generator, encoder, LossConfig(), [batch_of(world)])
    batch = batch_of(world)
    corrupted = found.corrupted(batch, 7)
    assert corrupted.target_evidence.shape[0] == sum(corrupted.word_counts)
    assert corrupted.source_evidence.shape[0] == sum(corrupted.source_counts) > len(batch.input_ids)
    assert corrupted.target_evidence.any()
    parts = found.loss(batch)
    parts.loss_sum.backward()
    assert model.evidence is not None
    assert model.evidence.hidden.weight.grad is not None
    assert model.evidence.hidden.weight.grad.any()
