"""A whole run as a user starts it, at toy size: the program, and what makes every run of these tests small."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from parley.corpus.demo import load_phrases

ROOT: Final = Path(__file__).resolve().parents[2]
SMALL: Final = {
    "tokenizer.vocab_size": 1500,
    "tokenizer.sample_rows": 40_000,  # all there are
    "teacher.d_model": 32,
    "teacher.depth": 1,
    "teacher.moe_every": 1,
    "teacher.num_experts": 4,
    "training.max_updates": 6,
    "training.update_tokens": 1000,
    "training.warmup_updates": 2,
    "training.log_every": 1,
    "training.dev_messages": 1,
    "evaluation.perturbed_messages": 1,
}

THREE_LANGUAGES: Final = SMALL | {  # with a pair to withhold
    "languages": "[en,fr,th]",
    "data.withhold_pairs": "[fr-th]",
    "data.demo.train_rows": 1000,
    "data.demo.dev_rows": 4,
    "data.demo.test_rows": 4,
    "evaluation.max_messages": 2,
}


def script(name: str, *words: str, given: str = "", cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """A program of this project with words of its command line."""
    command = [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *words]
    return subprocess.run(command, cwd=cwd, input=given, capture_output=True, text=True, timeout=240, check=False)


def overrides(changes: Mapping[str, Any]) -> list[str]:
    """Changes as words of a command line."""
    return [f"{key}={value}" for key, value in changes.items()]


def toy(root: Path) -> list[str]:
    """The demo with a few updates of a small model and two messages of each direction."""
    changes = {
        "runs_root": root,
        "data.demo.train_rows": len(load_phrases()),
        "data.demo.dev_rows": 2,
        "data.demo.test_rows": 2,
        "training.dev_directions": 4,
        "evaluation.max_messages": 1,
    }
    return ["experiment=demo_teacher", "name=demo", *overrides(SMALL | changes)]
