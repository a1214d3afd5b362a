"""Checkpoints to resume from and the best weights: folders of safetensors and JSON, whole or absent.

    checkpoints/update-00000200/   state.json (progress; stream position and random generators of each process)
                                   tensors.safetensors (masters, moments, average, buffers, health)
    best/update-00000200/          weights.safetensors (averaged), metrics.json

A folder is written under a hidden name, flushed to the disk and then renamed.
"""

import base64
import json
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from parley.pipeline.atomic import replacing
from parley.pipeline.errors import InputError

PREFIX: Final = "update-"


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to write into that becomes `folder` at the end, or is removed when something fails.

    Raises:
        InputError: the disk is full.
    """
    with replacing(folder) as draft:
        draft.mkdir()
        yield draft
        for file in draft.iterdir():
            _flush(file)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checkpoints(root: Path) -> list[Path]:
    """Whole checkpoint folders below `root`, oldest first."""
    return sorted(root.glob(f"{PREFIX}*")) if root.is_dir() else []


def checkpoint_path(root: Path, update: int) -> Path:
    """Where the checkpoint of an update lies."""
    return root / f"{PREFIX}{update:08d}"


def prune(root: Path, keep: set[Path]) -> None:
    """Remove the checkpoints below `root` that are not in `keep`, and drafts of killed runs."""
    drafts = list(root.glob(f".{PREFIX}*.tmp")) if root.is_dir() else []
    for folder in [*checkpoints(root), *drafts]:
        if folder not in keep:
            shutil.rmtree(folder, ignore_errors=True)


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors as safetensors; they may be anywhere and need not be contiguous."""
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read what `save_tensors` wrote, onto the CPU.

    Raises:
        InputError: missing or damaged file.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read checkpoint file {path}: {error}") from error


def save_json(path: Path, value: Any) -> None:
    """Write JSON; floats keep every bit."""
    path.write_text(json.dumps(value, default=_plain), encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} does not belong into a checkpoint's JSON")


def load_json(path: Path) -> Any:
    """Read what `save_json` wrote.

    Raises:
        InputError: missing or damaged file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read checkpoint file {path}: {error}") from error


def random_state() -> dict[str, Any]:
    """State of the generators of Python, NumPy and PyTorch (CPU and GPUs), as JSON values."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda:{i}": state for i, state in enumerate(torch.cuda.get_rng_state_all())}
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": {name: base64.b64encode(state.numpy().tobytes()).decode() for name, state in states.items()},
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put back what `random_state` gave, after its way through JSON."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    numpy_state = state["numpy"]
    numpy_state["state"]["key"] = np.array(numpy_state["state"]["key"], dtype=np.uint32)
    np.random.set_state(numpy_state)
    for name, text in state["torch"].items():
        words_of_torch = torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
        if name == "cpu":
            torch.set_rng_state(words_of_torch)
        elif torch.cuda.is_available() and int(name.removeprefix("cuda:")) < torch.cuda.device_count():
            torch.cuda.set_rng_state(words_of_torch, name)
