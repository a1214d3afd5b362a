"""The processes of one training: found through accelerate, which also picks the device.

Gradients are summed once an update, in fp32, after all micro-batches; counts travel over a CPU group, so that a GPU
is never waited for. (DistributedDataParallel would sum bf16 gradients, before they are added up in fp32.)
"""

import os
from datetime import timedelta
from typing import Any

import torch
import torch.distributed
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor, nn

from parley.pipeline.errors import InputError
from training.loop.config import TrainingConfig
from training.loop.precision import Masters

PATIENCE = timedelta(hours=6)  # the others wait while the first process validates


class Processes:
    """This process among the others.

    Attributes:
        device: where this process computes.
        rank, count: number of this process, from 0, and of all.
    """

    def __init__(self, config: TrainingConfig) -> None:
        """Join the other processes; from here on PyTorch works with `config.threads`.

        Raises:
            InputError: fewer or more processes than the launcher or `config.processes` promised.
        """
        if config.threads:
            torch.set_num_threads(config.threads)
        cpu = config.device == "cpu" or not torch.cuda.is_available()
        self.accelerator = Accelerator(cpu=cpu, kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)])
        self.device = self.accelerator.device
        self.rank, self.count = self.accelerator.process_index, self.accelerator.num_processes
        self._check_count(config)
        several = self.count > 1
        self.counts_group = torch.distributed.new_group(timeout=PATIENCE, backend="gloo") if several else None

    @property
    def is_first(self) -> bool:
        """Whether this is the process that validates, logs and writes."""
        return self.rank == 0

    def _check_count(self, config: TrainingConfig) -> None:
        promised = config.processes or int(os.environ.get("WORLD_SIZE", "1"))
        if promised != self.count:
            raise InputError(
                f"training expects {promised} processes but {self.count} run: "
                f"start with `torchrun --nproc_per_node {promised}` (accelerate launch --cpu starts one only)"
            )

    def sum_counts(self, values: list[float]) -> list[float]:
        """Sum host numbers over the processes."""
        if self.count == 1:
            return values
        counts = torch.tensor(values, dtype=torch.float64)
        torch.distributed.all_reduce(counts, group=self.counts_group)
        return counts.tolist()

    def sum_gradients(self, masters: Masters) -> None:
        """Sum the masters' gradients over the processes, in place."""
        for bucket in masters.buckets if self.count > 1 else ():
            torch.distributed.all_reduce(bucket.master_gradient)

    def sum_scalar(self, value: Tensor) -> Tensor:
        """Sum a scalar on the device over the processes."""
        if self.count > 1:
            value = value.clone()
            torch.distributed.all_reduce(value)
        return value

    def share_weights(self, model: nn.Module, masters: Masters) -> None:
        """Give every process the first one's weights and buffers."""
        if self.count > 1:
            for tensor in [*(bucket.master for bucket in masters.buckets), *model.buffers()]:
                torch.distributed.broadcast(tensor, 0)
            masters.publish()

    def gather(self, value: Any) -> list[Any]:
        """The value of every process, in order, on every process."""
        values = [value] * self.count
        if self.count > 1:
            torch.distributed.all_gather_object(values, value, group=self.counts_group)
        return values

    def wait(self) -> None:
        """Wait for the other processes."""
        if self.count > 1:
            torch.distributed.barrier(group=self.counts_group)
