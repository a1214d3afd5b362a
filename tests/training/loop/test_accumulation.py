"""Memory exhausted by a micro-batch: it is halved, the update stays the same, and it is counted."""

from pathlib import Path
from typing import Any

import pytest
import torch

from parley.pipeline.errors import InputError
from tests.training.toy_task import ToyBatch, ToyTask, toy_trainer
from training.loop.accumulation import LossParts
from training.loop.log import read_log

SETTINGS: dict[str, Any] = {"max_updates": 6, "validate_every": 0, "update_tokens": 60}


class FullTask(ToyTask):
    """A device on which no more than `rows` messages fit: the forward fails, or the backward after some gradients."""

    def __init__(self, rows: int, where: str, error: type[Exception] = torch.OutOfMemoryError) -> None:
        super().__init__(dropout=0.0)
        self.rows, self.where, self.error = rows, where, error

    def loss(self, batch: ToyBatch) -> LossParts:
        parts = super().loss(batch)
        if len(batch.ids) <= self.rows:
            return parts
        if self.where == "backward":
            parts.loss_sum.backward()  # type: ignore[no-untyped-call]
        raise self.error("DefaultCPUAllocator: out of memory" if self.error is RuntimeError else "CUDA out of memory")


def trained(out: Path, task: ToyTask, **changes: Any) -> list[dict[str, Any]]:
    toy_trainer(out, task, **SETTINGS | changes).train()
    return read_log(out / "training_log.jsonl", "train")


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_update_is_the_one_that_had_the_memory(tmp_path: Path, where: str, precision: str) -> None:
    lines = [trained(tmp_path / str(rows), FullTask(rows, where), precision=precision) for rows in (4, 1)]
    for whole, halved in zip(*lines, strict=True):
        for key in ("loss", "gradient_norm", "accuracy", "tokens"):
            assert halved[key] == pytest.approx(whole[key], rel=1e-4 if precision == "fp32" else 2e-2)
    assert [line["halved"] for line in lines[0]] == [0] * 6
    counted = [line["halved"] for line in lines[1]]
    assert counted[0] == 0  # known with the next draw
    assert counted[1] % 3 == 0  # a batch of 4 is halved three times
    assert counted == sorted(counted)


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
def test_other_allocators_say_it_in_other_words(tmp_path: Path, error: type[Exception]) -> None:
    assert trained(tmp_path, FullTask(2, "forward", error))[-1]["halved"] > 0


def test_one_message_that_does_not_fit_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not fit into memory and cannot be halved: lower its size"):
        trained(tmp_path, FullTask(0, "forward"))


def test_other_errors_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="CUDA out of memory"):
        trained(tmp_path, FullTask(2, "forward", ValueError))


def test_the_count_goes_on_after_a_kill(tmp_path: Path) -> None:
    first = trained(tmp_path, FullTask(2, "forward"))[-1]["halved"]
    assert trained(tmp_path, FullTask(2, "forward"), max_updates=8)[-1]["halved"] > first
