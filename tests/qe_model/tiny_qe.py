"""A tiny world for quality estimation: languages that are letter ciphers of each other, and errors put in by hand."""

import random
from collections.abc import Sequence
from pathlib import Path

from qe_model.annotations.annotation import AnnotatedTranslation, ErrorSpan, Severity
from qe_model.annotations.store import write_annotations
from qe_model.model.config import LossConfig, MixtureConfig, QEModelConfig
from qe_model.training_stages import QEStageConfig
from tests.training.toy_corpus import WORDS, cipher, make_inputs
from training.loop.config import TrainingConfig
from training.model.teacher_config import TeacherConfig
from training.teacher import build_teacher
from training.tokenizer import load_tokenizer

LANGUAGES = ("en", "fr", "th")
SEVERITIES: tuple[Severity, ...] = ("minor", "major", "critical")


def make_world(root: Path, width: int = 16) -> dict[str, Path]:
    """Folders `corpus`, `tokenizer`, `encoded`, and an untrained `teacher` with its tokenizer."""
    folders = make_inputs(root)
    tokenizer = load_tokenizer(folders["tokenizer"])
    config = TeacherConfig(depth=1, d_model=width, num_experts=2, moe_every=1, dropout=0.0)
    teacher = build_teacher(config, tokenizer, seed=1)
    folders["teacher"] = root / "teacher"
    teacher.save_pretrained(folders["teacher"])
    tokenizer.save_pretrained(str(folders["teacher"]))
    return folders


def example(number: int, split: str = "train", seed: int = 0) -> AnnotatedTranslation:
    """English to a cipher; some words are another word's cipher (major), spelt twice (minor), or left out (a gap)."""
    draw = random.Random(seed * 1_000_003 + number)
    words = draw.choices(WORDS, k=draw.randint(2, 5))
    text, spans = "", []
    for word in words:
        kind = draw.random()
        right = cipher(word, 5)
        if kind < 0.1 and text:
            spans.append(_span(len(text), len(text), "critical", "accuracy"))
            continue
        wrong = cipher(draw.choice([w for w in WORDS if w != word]), 5) if kind < 0.25 else right
        text += " " if text else ""
        start = len(text)
        text += wrong + (f" {right}" if 0.25 <= kind < 0.35 else "")
        if kind < 0.25:
            spans.append(_span(start, len(text), "major", "accuracy"))
        elif kind < 0.35:
            spans.append(_span(start + len(right) + 1, len(text), "minor", "fluency"))
    name = f"{split}-{number}"
    return AnnotatedTranslation(
        name, name, "", "en", "fr", " ".join(words), text, spans=tuple(spans), origin="synthetic", split=split
    )


def _span(start: int, end: int, severity: Severity, dimension: str) -> ErrorSpan:
    return ErrorSpan(start, end, severity=severity, dimension=dimension)  # type: ignore[arg-type]


def examples(count: int, split: str = "train", seed: int = 0) -> list[AnnotatedTranslation]:
    return [example(number, split, seed) for number in range(count)]


def write_data(folder: Path, train: int = 600, dev: int = 80, test: int = 80) -> Path:
    """Annotations of all splits."""
    folder.mkdir(parents=True)
    rows: Sequence[AnnotatedTranslation] = [
        *examples(train), *examples(dev, "dev", seed=1), *examples(test, "test", seed=2)
    ]  # fmt: skip
    write_annotations(folder / "annotations.parquet", rows)
    return folder


def training(updates: int, **changes: object) -> TrainingConfig:
    settings: dict[str, object] = {
        "max_updates": updates, "update_tokens": 1, "learning_rate": 5e-3, "warmup_updates": 10, "schedule": "wsd",
        "validate_every": updates, "log_every": 10, "ema_decay": 0.9, "device": "cpu",
        "precision": "fp32",
    }  # fmt: skip
    return TrainingConfig(**(settings | changes))  # type: ignore[arg-type]


MODEL = QEModelConfig(dropout=0.0, max_length=64, context_length=16)


def tiny_config(updates: int = 40, **changes: object) -> QEStageConfig:
    settings: dict[str, object] = {
        "model": MODEL,
        "loss": LossConfig(),
        "mixture": MixtureConfig(origins={"synthetic": 1.0}, batch_tokens=600),
        "training": training(updates),
    }
    return QEStageConfig(**(settings | changes))  # type: ignore[arg-type]
