"""The encoder as a compiled package: same states as the student's own, in eight bits nearly; same words behind it."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from distillation.config import StudentConfig
from distillation.export import torch_package
from distillation.runtime.torch_engine import TorchEngine
from distillation.student.student import build_student
from parley.pipeline.errors import InputError

STUDENT = StudentConfig(
    d_model=32, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=64, decoder_ffn_dim=64, initialise="random"
)
END, PAD = 2, 1
MESSAGES = [[4, 40, 41, 42, 43, END], [4, 50, END], [4, 60, 61, END]]


@pytest.fixture(scope="module")
def engine() -> TorchEngine:
    return TorchEngine(build_student(STUDENT, 100, 3), END)


@pytest.mark.slow
@pytest.mark.parametrize("int8", [False, True])
def test_the_package_encodes_as_the_student(engine: TorchEngine, int8: bool, tmp_path: Path) -> None:
    if int8 and importlib.util.find_spec("torchao") is None:
        pytest.skip("torchao is not installed: extra [torchao]")
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    torch_package.convert(engine.model, tmp_path / "package", int8)  # type: ignore[arg-type]
    packaged = engine.with_encoder(torch_package.load(tmp_path / "package"))
    own, found = engine.encode(MESSAGES), packaged.encode(MESSAGES)
    for mine, theirs, message in zip(own, found, MESSAGES, strict=True):
        assert theirs.states.shape == (len(message), 32)  # type: ignore[union-attr]
        assert _distance(mine.states, theirs.states) < (0.05 if int8 else 1e-5)
        alone = packaged.encode([message])[0].states
        assert _distance(theirs.states, alone) < 1e-5  # padding and batch mates change nothing


def _distance(first: np.ndarray | None, second: np.ndarray | None) -> float:
    assert first is not None
    assert second is not None
    return float(np.abs(first - second).max() / np.abs(first).max())


def test_the_decoder_stays_the_students_own(engine: TorchEngine) -> None:
    def zeros(ids_BS: Tensor, mask_BS: Tensor) -> Tensor:
        return torch.zeros(*ids_BS.shape, 32)

    (message,) = engine.with_encoder(zeros).encode([MESSAGES[0]])
    assert message.states is not None
    assert not message.states.any()


def test_missing_parts_are_named(engine: TorchEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"no encoder\.pt2"):
        torch_package.load(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="needs a C"):
        torch_package.convert(engine.model, tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
