"""A tiny teacher with random weights in the toy corpus's vocabulary, saved as the teacher stage saves it."""

from pathlib import Path

from tests.distillation.models import tiny_teacher
from tests.training.toy_corpus import make_inputs
from training.tokenizer import load_tokenizer


def toy_inputs(root: Path) -> dict[str, Path]:
    """Folders `corpus`, `tokenizer`, `encoded` and `teacher`."""
    inputs = make_inputs(root, rows=300)
    return {**inputs, "teacher": save_teacher(root / "teacher", inputs["tokenizer"])}


def save_teacher(folder: Path, tokenizer_folder: Path, seed: int = 0) -> Path:
    """A teacher's folder."""
    tokenizer = load_tokenizer(tokenizer_folder)
    tiny_teacher(len(tokenizer), seed, max_position_embeddings=256).save_pretrained(folder)
    tokenizer.save_pretrained(str(folder))
    return folder
