"""Streams of batches for the student: human and teacher's translations mixed, and targets put beside each batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from distillation.objective import TeacherTargets
from distillation.targets.token_targets import TokenTargets
from training.batches.batch import Batch
from training.batches.prefetch import StreamLike


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


class MixedStream:
    """Two streams taking turns: of any n batches, the second gives `share` x n, spread evenly."""

    def __init__(self, first: StreamLike, second: StreamLike, share: float) -> None:
        self.first, self.second, self.share = first, second, share
        self._turn = 0

    def __iter__(self) -> Iterator[Batch]:
        """Yield without end."""
        iterators = iter(self.first), iter(self.second)
        while True:
            second = int((self._turn + 1) * self.share) > int(self._turn * self.share)
            batch = next(iterators[second])
            self._turn += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Where both stand, and whose turn it is."""
        return {"turn": self._turn, "first": self.first.state_dict(), "second": self.second.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved position."""
        self._turn = int(state["turn"])
        self.first.load_state_dict(state["first"])
        self.second.load_state_dict(state["second"])


class StreamWithTargets:
    """A plan's batches with their cached targets, round and round over the covered ones; or without targets.

    Args:
        stream: of process `rank` of `world`, at the plan's beginning.
        targets: the cache; None leaves the targets out.
    """

    def __init__(self, stream: StreamLike, targets: TokenTargets | None, rank: int = 0, world: int = 1) -> None:
        self.stream, self.targets, self.rank, self.world = stream, targets, rank, world
        self._start = stream.state_dict()
        self._turn = 0
        self._turns = max(1, len(targets) // world) if targets is not None else 0

    def __iter__(self) -> Iterator[BatchWithTargets]:
        """Yield without end."""
        iterator = iter(self.stream)
        while True:
            if self._turns and self._turn == self._turns:
                self._turn = 0
                self.stream.load_state_dict(self._start)
                iterator = iter(self.stream)
            number = self._turn * self.world + self.rank
            batch = next(iterator)
            targets = self.targets.of(number, batch) if self.targets is not None else None
            self._turn += 1
            yield BatchWithTargets(batch, targets)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, and how many batches of this round are taken."""
        return {"turn": self._turn, "stream": self.stream.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved position."""
        self._turn = int(state["turn"])
        self.stream.load_state_dict(state["stream"])


class EveryNth:
    """A stream's batches rank, rank + world, ...: for streams that do not know of processes. All are made anywhere."""

    def __init__(self, stream: StreamLike, rank: int, world: int) -> None:
        self.stream, self.rank, self.world = stream, rank, world

    def __iter__(self) -> Iterator[Batch]:
        """Yield without end."""
        iterator = iter(self.stream)
        while True:
            group = [next(iterator) for _ in range(self.world)]
            yield group[self.rank]

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands."""
        return self.stream.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved position."""
        self.stream.load_state_dict(state)
