"""Checkpoints: whole or absent, no pickle, sound or named, read by any number of processes; a full disk is told."""

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from parley.pipeline.errors import InputError
from tests.training.toy_task import ToyTask, toy_trainer
from training.loop import checkpoints as checkpoints_module
from training.loop.checkpoint_files import (
    CheckpointTensors,
    best_checkpoint,
    checkpoint_folders,
    checkpoint_path,
    damage,
    read_state,
)
from training.loop.checkpoint_writer import CheckpointWriter
from training.loop.checkpoints import Checkpoints
from training.loop.log import TrainingLog, read_log
from training.loop.random_state import random_state, restore_random_state

TENSORS = {"master": torch.arange(7.0), "momentum": torch.ones(2, 3), "step": torch.tensor(5.0)}
STATE = {"best_update": None}


def write(root: Path, update: int, count: int = 1, best: int | None = None) -> list[str]:
    """A checkpoint by as many processes' writers; gives what each says at its end."""
    writers = [CheckpointWriter(root, rank, count) for rank in range(count)]
    writers[0].begin(update)
    for writer in writers:
        writer.save(update, TENSORS, {"best_update": best})
    return [writer.finish() for writer in writers]


def of_one_process(root: Path) -> Checkpoints:
    alone = SimpleNamespace(rank=0, count=1, is_first=True, gather=lambda value: [value], wait=lambda: None)
    return Checkpoints(root, alone)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_tensors_come_back_whoever_wrote_them(tmp_path: Path, count: int) -> None:
    assert write(tmp_path, 20, count) == [""] * count
    assert [path.name for path in tmp_path.iterdir()] == ["update-00000020"]
    tensors = CheckpointTensors(checkpoint_path(tmp_path, 20))
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, TENSORS[name])


def test_a_checkpoint_takes_the_place_of_one_of_the_same_update(tmp_path: Path) -> None:
    write(tmp_path, 20, 2)
    write(tmp_path, 20, 1)
    assert len(list(checkpoint_path(tmp_path, 20).glob("part-*.safetensors"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["update-00000020"]


def test_training_goes_on_while_it_is_written(tmp_path: Path) -> None:
    """What is changed after `save` does not reach the disk."""
    tensors = {name: tensor.clone() for name, tensor in TENSORS.items()}
    writer = CheckpointWriter(tmp_path)
    writer.begin(1)
    writer.save(1, tensors, STATE)
    for tensor in tensors.values():
        tensor.zero_()
    writer.finish()
    assert torch.equal(CheckpointTensors(checkpoint_path(tmp_path, 1))["master"], TENSORS["master"])


@pytest.mark.parametrize("failing", [0, 1])
def test_where_one_process_fails_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    from training.loop import checkpoint_writer

    def fail(tensors: dict[str, Tensor], path: Path) -> None:
        if f"part-{failing:03d}" in path.name:
            raise RuntimeError("I/O error: No space left on device (os error 28)")
        save_file(tensors, path)

    save_file = checkpoint_writer.save_file
    monkeypatch.setattr(checkpoint_writer, "save_file", fail)
    told = write(tmp_path, 20, 2)
    assert "disk is full: cannot write" in told[failing]
    assert told[1 - failing] == ""
    of_one_process(tmp_path).finish()
    assert list(tmp_path.iterdir()) == []


def test_stopped_while_other_processes_are_not_done(tmp_path: Path) -> None:
    writer = CheckpointWriter(tmp_path, 0, 2)
    writer.begin(20)
    writer.save(20, TENSORS, STATE)
    writer.stop()
    assert checkpoint_folders(tmp_path) == []


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-5] ^= 4
    file.write_bytes(content)


@pytest.mark.parametrize("harm", [_cut, _flip, Path.unlink, lambda file: file.write_bytes(b"")])
@pytest.mark.parametrize("name", ["state.json", "part-001-of-002.safetensors", "part-000-of-002.safetensors.xxh3"])
def test_the_newest_sound_checkpoint_is_taken(
    tmp_path: Path, harm: object, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for update in (10, 20):
        write(tmp_path, update, 2)
    harm(checkpoint_path(tmp_path, 20) / name)  # type: ignore[operator]
    assert of_one_process(tmp_path).newest_sound() == checkpoint_path(tmp_path, 10)
    said = "".join(capfd.readouterr().err.split())
    assert name.removesuffix(".xxh3") in said
    assert "goingonfromupdate-00000010" in said
    assert checkpoint_folders(tmp_path) == [checkpoint_path(tmp_path, 10)]


def test_without_its_best_weights_a_checkpoint_is_not_sound(tmp_path: Path) -> None:
    for update, best in ((10, 10), (20, 20), (30, 20)):
        write(tmp_path, update, best=best)
    shutil.rmtree(checkpoint_path(tmp_path, 20))
    assert of_one_process(tmp_path).newest_sound() == checkpoint_path(tmp_path, 10)


def test_where_none_is_sound_the_way_out_is_told(tmp_path: Path) -> None:
    write(tmp_path, 10)
    _flip(checkpoint_path(tmp_path, 10) / "state.json")
    with pytest.raises(InputError, match=r"state\.json is damaged; remove .* to train from the beginning"):
        of_one_process(tmp_path).newest_sound()
    assert checkpoint_folders(tmp_path), "nobody but a person removes the last one"


def test_the_last_two_and_their_best_are_kept(tmp_path: Path) -> None:
    for update, best in ((10, 10), (20, 20), (30, 20), (40, 20), (50, 20)):
        write(tmp_path, update, best=best)
    (tmp_path / ".update-00000060.tmp").mkdir()
    of_one_process(tmp_path).finish()
    assert sorted(path.name[-2:] for path in tmp_path.iterdir()) == ["20", "40", "50"]


def test_generators_come_back_exactly() -> None:
    state = json.loads(json.dumps(random_state(), default=lambda value: value.tolist()))
    first = (random.random(), np.random.rand(3).tolist(), torch.rand(3).tolist(), torch.randn(1).item())
    restore_random_state(state)
    assert first == (random.random(), np.random.rand(3).tolist(), torch.rand(3).tolist(), torch.randn(1).item())


def test_only_safetensors_json_and_digests(tmp_path: Path) -> None:
    toy_trainer(tmp_path).train()
    suffixes = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert suffixes == {".safetensors", ".json", ".jsonl", ".xxh3"}


def test_the_log_is_on_the_disk_before_a_checkpoint_counts_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, flushed = TrainingLog(tmp_path / "log.jsonl"), []
    monkeypatch.setattr("training.loop.log.flush", flushed.append)
    log.write("train", 1, {})
    assert log.size() == log.path.stat().st_size
    assert flushed == [log.path]


def test_the_log_is_cut_whatever_is_in_it(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.jsonl")
    log.write("train", 1, {"loss": 1.0})
    size = log.size()
    with log.path.open("ab") as file:
        file.write(b'{"kind": "train", "upd\xff\xfe\n[]\n')
    log.cut(size)
    assert [line["update"] for line in read_log(log.path)] == [1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 140 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=140k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_one_clear_line(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer's thread finds the disk full; training says so at the next one, and the last one stays."""
    monkeypatch.setattr(checkpoints_module, "KEPT", 50)
    with pytest.raises(InputError, match=r"disk is full: cannot write .*update-") as caught:
        toy_trainer(small_disk, max_updates=100, validate_every=10).train()
    assert "\n" not in str(caught.value)
    last = checkpoint_folders(small_disk / "checkpoints")[-1]
    assert read_state(last)["progress"]["update"] >= 10
    assert not any(damage(path) for path in last.glob("*.safetensors"))
    assert not list(small_disk.rglob("*.tmp"))


def test_a_log_on_a_full_disk() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(InputError, match="disk is full"):
        TrainingLog(Path("/dev/full")).write("train", 1, {})


def test_damage_of_the_best_weights_does_not_change_the_result(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Training goes back to a checkpoint that knows a sound best, and comes to the same weights."""
    settings = {"max_updates": 40, "validate_every": 10}
    whole = toy_trainer(tmp_path / "whole", **settings)
    expected = whole.train()
    toy_trainer(tmp_path / "broken", **settings).train()
    newest = checkpoint_folders(tmp_path / "broken" / "checkpoints")[-1]
    _flip(next(best_checkpoint(newest).glob("part-*.safetensors")))
    trainer = toy_trainer(tmp_path / "broken", ToyTask(seed=9), **settings)
    again = trainer.train()
    assert "is damaged" in " ".join(capfd.readouterr().err.split())
    assert (again.metrics, again.result_update) == (expected.metrics, expected.result_update)
    for one, other in zip(trainer.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(one, other)
