"""Trains the toy task under `torchrun`, stopping and resuming once: FOLDER PROCESSES."""

import sys
from pathlib import Path

from tests.training.toy_task import ToyStream, ToyTask, toy_config
from training.loop.processes import Processes
from training.loop.trainer import Trainer

out, count = Path(sys.argv[1]), int(sys.argv[2])
rows = 8 // count  # so that a round of micro-batches holds as many tokens
for updates in (6, 12):
    config = toy_config(max_updates=updates, processes=count, update_tokens=1, schedule="constant", validate_every=6)
    processes = Processes(config)

    class Half(ToyStream):
        """This process's rows of batches that do not depend on how many processes there are."""

        def batch(self, number: int):  # type: ignore[no-untyped-def]
            self.rows = 8
            whole = super().batch(number // self.world)
            part = slice(self.rank * rows, (self.rank + 1) * rows)
            return type(whole)(whole.ids[part], whole.labels[part])

    task = ToyTask(dropout=0.0, seed=processes.rank)  # the first process's weights must win
    trainer = Trainer(config, task, Half(processes.rank, processes.count), out, processes=processes)
    assert trainer.processes.count == count
    result = trainer.train()
assert result.resumed_from == 6, result
