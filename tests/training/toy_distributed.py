"""Trains the toy task under `torchrun`, going on from what is there: FOLDER PROCESSES UPDATES [RANK].

On the process RANK no more than half of its rows fit into memory.
"""

import sys
from pathlib import Path

import torch

from tests.training.toy_task import ToyStream, ToyTask, toy_config
from training.loop.processes import PATIENCE, Processes
from training.loop.trainer import Trainer

out, count, updates = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rows = 8 // count  # so that a round of micro-batches holds as many tokens


class Part(ToyStream):
    """This process's rows of batches that do not depend on how many processes there are."""

    def batch(self, number: int):  # type: ignore[no-untyped-def]
        self.rows = 8
        whole = super().batch(number // self.world)
        part = slice(self.rank * rows, (self.rank + 1) * rows)
        return type(whole)(whole.ids[part], whole.labels[part])


class FullTask(ToyTask):
    def loss(self, batch):  # type: ignore[no-untyped-def]
        if len(batch.ids) > rows // 2:
            raise torch.OutOfMemoryError("out of memory")
        return super().loss(batch)


config = toy_config(max_updates=updates, processes=count, update_tokens=1, schedule="constant", validate_every=6)
processes = Processes(config)
full = len(sys.argv) > 4 and int(sys.argv[4]) == processes.rank
task = (FullTask if full else ToyTask)(dropout=0.0, seed=processes.rank)  # the first process's weights must win
trainer = Trainer(config, task, Part(processes.rank, processes.count), out, processes=processes)
assert trainer.processes.count == count
if count > 1:
    group = processes.counts_group._get_backend(torch.device("cpu"))  # type: ignore[union-attr]
    assert group.options._timeout == PATIENCE, group.options._timeout
trainer.train()
