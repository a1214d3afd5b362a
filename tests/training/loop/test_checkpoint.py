"""Checkpoint folders: whole or absent, no pickle, a full disk is told."""

import json
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from parley.pipeline.errors import InputError
from tests.training.toy_task import toy_trainer
from training.loop import checkpoint as store
from training.loop import trainer
from training.loop.log import TrainingLog, read_log


def _write_and_fail(folder: Path) -> None:
    with store.whole_folder(folder) as draft:
        (draft / "state.json").write_text("{}")
        raise RuntimeError


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        _write_and_fail(store.checkpoint_path(tmp_path, 5))
    assert list(tmp_path.iterdir()) == []


def test_generators_come_back_exactly() -> None:
    state = json.loads(json.dumps(store.random_state(), default=lambda value: value.tolist()))
    first = (random.random(), np.random.rand(3).tolist(), torch.rand(3).tolist(), torch.randn(1).item())
    store.restore_random_state(state)
    assert first == (random.random(), np.random.rand(3).tolist(), torch.rand(3).tolist(), torch.randn(1).item())


def test_prune_keeps_what_it_is_told(tmp_path: Path) -> None:
    for update in (1, 2, 30):
        with store.whole_folder(store.checkpoint_path(tmp_path, update)) as draft:
            (draft / "x").write_text("x")
    (tmp_path / ".update-00000031.77.tmp").mkdir()
    store.prune(tmp_path, {store.checkpoint_path(tmp_path, 30)})
    assert [path.name for path in tmp_path.iterdir()] == ["update-00000030"]


def test_only_safetensors_and_json(tmp_path: Path) -> None:
    toy_trainer(tmp_path).train()
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".safetensors", ".json", ".jsonl"}


def test_the_log_is_cut_and_a_half_line_dropped(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.jsonl")
    for update in range(1, 6):
        log.write("train", update, {"loss": 1.0})
    with log.path.open("a") as file:
        file.write('{"kind": "train", "upd')
    log.cut(3)
    assert [line["update"] for line in read_log(log.path)] == [1, 2, 3]


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system of 100 kB, made for the test."""
    monkeypatch.setattr(trainer, "KEPT", 50)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        with pytest.raises(InputError, match=r"disk is full: cannot write .*update-") as caught:
            toy_trainer(disk, max_updates=50, validate_every=10).train()
        assert "\n" not in str(caught.value)
        last = store.checkpoints(disk / "checkpoints")[-1]
        assert store.load_tensors(last / "tensors.safetensors")
        assert store.load_json(last / "state.json")["progress"]["update"] >= 10
        assert not list(disk.rglob("*.tmp"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_log_on_a_full_disk() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(InputError, match="disk is full"):
        TrainingLog(Path("/dev/full")).write("train", 1, {})
