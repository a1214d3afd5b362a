"""A tiny teacher with random weights and its tokenizer, in one folder; a corpus of five messages in another."""

from pathlib import Path

import pytest

from tests.eval.stage_folders import write_corpus
from tests.eval.tiny_model import save_tiny_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "example" / "corpus" / "print")
