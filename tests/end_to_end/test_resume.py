"""Kill -9 of the teacher stage in mid-training, then the same command again: bit for bit the uninterrupted training."""

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.training.toy_corpus import make_inputs
from training.loop.log import read_log

ROOT = Path(__file__).resolve().parents[2]


def start(inputs: Path, out: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.end_to_end.teacher_run", str(inputs), str(out)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def curve(out: Path) -> list[tuple[Any, ...]]:
    """What is exact of every logged update; speeds and clocks are not."""
    exact = ("update", "loss", "nll", "z_loss", "gradient_norm", "lr", "tokens", "detection_accuracy", "expert_load")
    return [tuple(line[key] for key in exact) for line in read_log(out / "training_log.jsonl", "train")]


def validations(out: Path) -> list[dict[str, Any]]:
    lines = read_log(out / "training_log.jsonl", "validation")
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def weights(out: Path) -> str:
    return hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()


def wait_for_update(process: "subprocess.Popen[str]", log: Path, update: int) -> None:
    while not (log.exists() and log.read_text(encoding="utf-8").count('"kind": "train"') >= update):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)


@pytest.mark.slow
def test_kill_9_then_resume_is_bit_identical(tmp_path: Path) -> None:
    make_inputs(tmp_path / "inputs", rows=300)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(tmp_path / "inputs", whole)
    assert process.wait(timeout=120) == 0, process.communicate()[1]

    process = start(tmp_path / "inputs", killed)
    wait_for_update(process, killed / "training_log.jsonl", 17)  # between two checkpoints
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    assert not (killed / "model.safetensors").exists()
    process = start(tmp_path / "inputs", killed)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    assert "resumed from update" in said

    assert [update for update, *_ in curve(whole)] == list(range(1, 41))
    assert curve(killed) == curve(whole)
    assert validations(killed) == validations(whole)
    assert weights(killed) == weights(whole)
