"""The student's batches: people's translations mixed with the teacher's, and beside each the teacher's targets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from distillation.objective import TeacherTargets
from distillation.targets.token_cache import TokenTargets
from training.batches.batch import Batch
from training.batches.encoded import EncodedCorpus
from training.batches.one_way import DIRECTION, OneWay
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
    """Batches of a process: `encoded`, and with `sequence_targets` in the inputs a share of messages from there."""
    if "sequence_targets" not in inputs:
        return BatchStream(encoded, batching, "train", rank, world)
    translations = EncodedCorpus.open(inputs["sequence_targets"])
    counts = {row["values"]: row["counts"] for row in pc.value_counts(translations.fact(DIRECTION)).to_pylist()}
    each = share / (1 - share) / sum(counts.values())
    ratios = {name: count * each for name, count in counts.items()}
    return BatchStream(encoded, batching, "train", rank, world, OneWay(translations, ratios))


@dataclass(frozen=True)
class BatchWithTargets:
    """A batch with what the teacher says about it; None where the teacher is asked later or never."""

    batch: Batch
    targets: TeacherTargets | None = None

    @property
    def target_tokens(self) -> int:
        """Labels that count."""
        return self.batch.target_tokens

    def to(self, device: Any) -> "BatchWithTargets":
        """The same on a device."""
        return BatchWithTargets(self.batch.to(device), self.targets.to(device) if self.targets is not None else None)


class StreamWithTargets:
    """A plan's batches with their cached targets, round and round over the covered ones; or without targets.

    Args:
        stream: of process `rank` of `world`, at the plan's beginning.
        targets: the cache; None leaves the targets out.
    """

    def __init__(self, stream: StreamLike, targets: TokenTargets | None, rank: int = 0, world: int = 1) -> None:
        self.stream, self.targets, self.rank, self.world = stream, targets, rank, world
        self._start = stream.state_dict()
        self._taken = 0

    def __iter__(self) -> Iterator[BatchWithTargets]:
        """Yield without end."""
        iterator = iter(self.stream)
        while True:
            if self.targets is not None and self._taken and self._taken + self.world > len(self.targets):
                self._taken = 0
                self.stream.load_state_dict(self._start)
                iterator = iter(self.stream)
            batch = next(iterator)
            targets = self.targets.of(self._taken + self.rank, batch) if self.targets is not None else None
            self._taken += self.world
            yield BatchWithTargets(batch, targets)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, and how many batches of this round are taken, by all processes."""
        return {"taken": self._taken, "stream": self.stream.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved position."""
        self._taken = int(state["taken"])
        self.stream.load_state_dict(state["stream"])
