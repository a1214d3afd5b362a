"""The student's batches: people's translations mixed with the teacher's, and beside each the teacher's targets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from distillation.objective import TeacherTargets
from distillation.targets.token_cache import TokenTargets
from training.batches.batch import Batch
from training.batches.encoded import EncodedCorpus
from training.batches.one_way import SYNTHETIC, mixture
from training.batches.prefetch import StreamLike
from training.batches.stream import BatchingConfig, BatchStream


def training_batches(
    inputs: Mapping[str, Path],
    encoded: EncodedCorpus,
    share: float,
    batching: BatchingConfig,
    rank: int = 0,
    world: int = 1,
) -> BatchStream:
    """Batches of a process: `encoded`, and a share of messages from `sequence_targets`, else the teacher's own rows."""
    teacher = inputs.get("teacher")
    store = inputs.get("sequence_targets") or (teacher / SYNTHETIC if teacher else None)
    if not share or store is None or not store.is_dir():
        return BatchStream(encoded, batching, "train", rank, world)
    rows = mixture(EncodedCorpus.open(store), share / (1 - share), batching.temperature)
    return BatchStream(encoded, batching, "train", rank, world, rows)


@dataclass(frozen=True)
class BatchWithTargets:
    """A batch with what the teacher says about it; None where it is asked later or no more."""

    batch: Batch
    targets: TeacherTargets | None = None

    @property
    def target_tokens(self) -> int:
        """Labels that count."""
        return self.batch.target_tokens

    def to(self, device: Any) -> "BatchWithTargets":
        """The same on a device."""
        return BatchWithTargets(self.batch.to(device), self.targets.to(device) if self.targets is not None else None)

    def halves(self) -> "list[BatchWithTargets]":
        """See `Batch.halves`."""
        found, start = [], 0
        for half in self.batch.halves():
            rows = torch.arange(start, start + half.target_tokens)
            found.append(BatchWithTargets(half, self.targets.select(rows) if self.targets is not None else None))
            start += half.target_tokens
        return found


class StreamWithTargets:
    """A plan's batches with their cached targets; or without targets.

    Args:
        stream: of process `rank` of `world`, at the plan's beginning.
        targets: the cache; None leaves the targets out.
        again: go round and round over the batches that the cache covers, else on with the plan, without targets.
    """

    def __init__(
        self, stream: StreamLike, targets: TokenTargets | None, rank: int = 0, world: int = 1, again: bool = True
    ) -> None:
        self.stream, self.targets, self.rank, self.world = stream, targets, rank, world
        self.again = again and targets is not None
        self._start = stream.state_dict()
        self._taken = 0

    def __iter__(self) -> Iterator[BatchWithTargets]:
        """Yield without end."""
        iterator = iter(self.stream)
        while True:
            if self.again and self._taken and not self._covered:
                self._taken = 0
                self.stream.load_state_dict(self._start)
                iterator = iter(self.stream)
            batch = next(iterator)
            targets = self.targets.of(self._taken + self.rank, batch) if self.targets and self._covered else None
            self._taken += self.world
            yield BatchWithTargets(batch, targets)

    @property
    def _covered(self) -> bool:
        """Whether the cache has targets for the next batch of every process."""
        return self.targets is not None and self._taken + self.world <= len(self.targets)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, and how many batches of this round are taken, by all processes."""
        return {"taken": self._taken, "stream": self.stream.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved position."""
        self._taken = int(state["taken"])
        self.stream.load_state_dict(state["stream"])
