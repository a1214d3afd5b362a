"""The teacher learns to translate: invented languages that are ciphers of one another, in three families."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import torch

from parley.corpus.store import Corpus
from parley.languages.table import LANGUAGES, directions, pair
from tests.end_to_end.cipher_languages import CONCEPTS, LANGUAGE_CODES, WITHHELD, make_inputs
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig, BatchStream
from training.loop.config import TrainingConfig
from training.loop.trainer import Trainer
from training.model.loading import Translator
from training.model.modelling import ParleyMoeForConditionalGeneration
from training.model.teacher_config import TeacherConfig
from training.routing import measure_routing
from training.teacher import TeacherTask
from training.tokenizer import load_tokenizer
from training.validation import TranslationValidation

SEED: Final = 1
BATCHING: Final = BatchingConfig(batch_tokens=1000, max_length=32, auto_source_probability=0.1, seed=SEED)
TRAINING: Final = TrainingConfig(
    max_updates=600,
    update_tokens=800,  # one micro-batch
    learning_rate=3e-3,
    warmup_updates=50,
    schedule="wsd",
    decay=0.3,
    ema_decay=0.98,
    validate_every=0,
    dev_messages=20,
    precision="fp32",
    device="cpu",
    threads=1,
    seed=SEED,
)
CHANCE: Final = 1 / CONCEPTS

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Trained:
    """A trained teacher, its scores on the dev split and its routing."""

    translator: Translator
    scores: dict[str, float]
    routing: dict[str, Any]
    corpus: Corpus


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_inputs(tmp_path_factory.mktemp("ciphers"))


@pytest.fixture(scope="module")
def teacher(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(inputs, tmp_path_factory.mktemp("steered"), steered=True)


def train(inputs: dict[str, Path], out: Path, steered: bool) -> Trained:
    """Train a teacher of width 64, with or without the router's language term."""
    encoded, tokenizer = EncodedCorpus.open(inputs["encoded"]), load_tokenizer(inputs["tokenizer"])
    size = TeacherConfig(depth=2, d_model=64, num_experts=4, dropout=0.0, label_smoothing=0.0)
    config = size.model_config(len(tokenizer), tokenizer.get_vocab())
    config.router_language_term = steered
    torch.manual_seed(SEED)
    model = ParleyMoeForConditionalGeneration(config)
    validation = TranslationValidation(encoded, inputs["corpus"], tokenizer, BATCHING, TRAINING)
    task = TeacherTask(model, validation)
    result = Trainer(TRAINING, task, BatchStream(encoded, BATCHING, "train"), out).train()
    routing = measure_routing(model.eval(), validation.sample)
    return Trained(Translator(model, tokenizer), result.metrics, routing, Corpus.open(inputs["corpus"]))


def translated_accuracy(trained: Trained, direction: str) -> float:
    """Share of the reference's words that a free translation of the test split has at their places."""
    source, target = pair(direction)
    columns = trained.corpus.held_out("test", [source, target]).to_pydict()
    outputs = trained.translator.translate(columns[source], target, source)
    right = total = 0
    for output, reference in zip(outputs, columns[target], strict=True):
        words, given = reference.split(), output.split()
        right += sum(word == other for word, other in zip(words, given, strict=False))
        total += max(len(words), len(given))
    return right / total


def test_held_out_tokens_are_predicted(teacher: Trained) -> None:
    assert teacher.scores["dev/accuracy"] >= 0.95


def test_held_out_messages_are_translated(teacher: Trained) -> None:
    trained = [name for name in directions(LANGUAGE_CODES) if set(pair(name)) != set(pair(WITHHELD))]
    accuracies = {name: translated_accuracy(teacher, name) for name in trained}
    assert sum(accuracies.values()) / len(accuracies) >= 0.95, accuracies
    assert min(accuracies.values()) >= 0.85, accuracies


@pytest.mark.parametrize("direction", [WITHHELD, "-".join(reversed(pair(WITHHELD)))])
def test_a_pair_that_was_never_trained_is_translated(teacher: Trained, direction: str) -> None:
    accuracy = translated_accuracy(teacher, direction)
    assert accuracy > 10 * CHANCE, f"{accuracy:.2f}, by chance {CHANCE:.2f}"


def test_experts_know_families_better_than_without_steering(
    teacher: Trained, inputs: dict[str, Path], tmp_path: Path
) -> None:
    unsteered = train(inputs, tmp_path, steered=False)
    assert teacher.routing["families"] == [LANGUAGES[code].family for code in LANGUAGE_CODES]
    information = [one.routing["mutual_information"] for one in (teacher, unsteered)]
    assert information[0]["mean"] > information[1]["mean"], information
