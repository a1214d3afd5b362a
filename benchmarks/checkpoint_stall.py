"""How long training stops for a checkpoint: random weights and states of a size, updated while a thread writes them.

An update here is the optimizer's step and that of the average, without forward and backward. What a checkpoint costs is
the stop (the copy to host memory) and what the updates beside the writer take longer; below it, the same written while
training waits.

    python benchmarks/checkpoint_stall.py [params=200e6] [optimizer=adamw] [folder=DIR]
"""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from parley.config.command_line import run
from training.loop.checkpoints import Checkpoints
from training.loop.config import TrainingConfig
from training.loop.ema import WeightAverage
from training.loop.optimization import Optimizer
from training.loop.precision import Masters

SHARE = 0.05  # of the training time that checkpoints may take
FULL_SIZE = 1e9  # parameters of `teacher=roblox_1b`


@dataclass(frozen=True)
class Arguments:
    """What is measured.

    Attributes:
        params: how many; as matrices of `width`.
        optimizer: `adamw` or `muon`.
        folder: on the disk that is measured; empty: a temporary one.
        width: of the matrices.
        checkpoints: measured, after one that makes the host memory.
        every: updates between checkpoints, for the verdict (`training=roblox`: 1000).
        threads: of PyTorch.
    """

    params: float = 200e6
    optimizer: str = "adamw"
    folder: str = ""
    width: int = 1024
    checkpoints: int = 3
    every: int = 1000
    threads: int = 1


class RandomTraining:
    """Masters, optimizer and average without a model."""

    def __init__(self, arguments: Arguments) -> None:
        torch.manual_seed(1)
        count = round(arguments.params / arguments.width**2)
        model = nn.ParameterList(torch.randn(arguments.width, arguments.width) for _ in range(count))
        self.masters = Masters(model)
        self.optimizer = Optimizer(self.masters, TrainingConfig(max_updates=1, optimizer=arguments.optimizer))
        self.average = WeightAverage(self.masters, 0.999)

    def update(self) -> float:
        """One update; gives its seconds."""
        started = time.perf_counter()
        self.optimizer.step(1e-4, torch.ones(()))
        self.average.update(1)
        return time.perf_counter() - started

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds."""
        return self.optimizer.state_tensors() | self.average.state_tensors()


def main(arguments: Arguments) -> None:
    """Measure and print."""
    torch.set_num_threads(arguments.threads)
    training = RandomTraining(arguments)
    alone = statistics.median(training.update() for _ in range(5))
    gigabytes = sum(tensor.nbytes for tensor in training.tensors().values()) / 1e9
    print(
        f"{arguments.params:.3g} parameters, {arguments.optimizer}: {gigabytes:.2f} GB; an update takes {alone:.2f} s"
    )
    with tempfile.TemporaryDirectory(dir=arguments.folder or None) as folder:
        one = SimpleNamespace(rank=0, count=1, is_first=True, gather=lambda value: [value], wait=lambda: None)
        with Checkpoints(Path(folder), one) as checkpoints:  # type: ignore[arg-type]
            waited = [_waiting(checkpoints, training, update) for update in range(arguments.checkpoints + 1)]
            beside = [_beside(checkpoints, training, alone, 100 + n) for n in range(arguments.checkpoints)]
    stop, slower, written = (statistics.median(each) for each in zip(*beside, strict=True))
    print(f"written beside training: stops for {stop:.2f} s, updates beside the writer take {slower:.2f} s longer, ")
    print(f"whole after {written:.2f} s; written while training waits: {statistics.median(waited[1:]):.2f} s")
    for params in (arguments.params, FULL_SIZE):
        cost = (stop + slower) * params / arguments.params
        needed = cost / SHARE / arguments.every
        print(f"{params:.3g} parameters: {cost:.2f} s, below {SHARE:.0%} where an update takes over {needed:.3f} s")


def _waiting(checkpoints: Checkpoints, training: RandomTraining, update: int) -> float:
    started = time.perf_counter()
    checkpoints.save(update, training.tensors(), {"best_update": None})
    checkpoints.finish()
    return time.perf_counter() - started


def _beside(
    checkpoints: Checkpoints, training: RandomTraining, alone: float, update: int
) -> tuple[float, float, float]:
    """Seconds that training stops, that the updates take longer, and until the checkpoint is whole."""
    started = time.perf_counter()
    checkpoints.save(update, training.tensors(), {"best_update": None})
    stop = time.perf_counter() - started
    slower = 0.0
    while checkpoints.is_writing:
        slower += training.update() - alone
    return stop, slower, time.perf_counter() - started


if __name__ == "__main__":
    run(main, Arguments)
