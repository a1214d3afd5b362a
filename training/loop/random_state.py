"""The random generators of a process as JSON values."""

import base64
import random
from typing import Any

import numpy as np
import torch


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
