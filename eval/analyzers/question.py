"""What is asked of analyzers: two sides, their common messages, and how much of a loss some of these explain."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from eval.evidence import Evidence
from eval.stored_outputs import DirectionOutputs, common_lines
from parley.languages.table import pair
from parley.metrics.metric import Metric

Topic = Literal["loss", "gap", "level", "language"]
Flags = NDArray[np.bool_]
EXAMPLES: Final = 5


@dataclass(frozen=True)
class Side:
    """One system of one evaluation."""

    evidence: Evidence
    system: str

    @property
    def report(self) -> Mapping[str, Any]:
        """Content of report.json."""
        return self.evidence.report

    def scores(self, direction: str) -> Mapping[str, Any]:
        """The system's scores in one direction; empty where it has none."""
        return self.evidence.pairs(self.system).get(direction, {})

    def messages(self, direction: str) -> DirectionOutputs | None:
        """The system's outputs in one direction, where they are stored."""
        return self.evidence.messages(self.system, direction)


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        topic: `loss`: a pair is worse than in the promoted evaluation; `gap`: one system is worse than another of the
            same evaluation; `level`: a figure is beyond its limit, there is nothing to compare with; `language`: raised
            by an analyzer that has traced a loss to one language.
        after: the side that is worse.
        before: the side that is better; None for `level`.
        pairs: directions concerned, most concerned first.
        language: code, for the topic `language`.
        chain: what led here, for the reader.
    """

    topic: Topic
    after: Side
    before: Side | None
    pairs: tuple[str, ...]
    language: str = ""
    chain: tuple[str, ...] = ()

    @property
    def metric(self) -> Metric:
        """The metric that losses are counted with."""
        return self.after.evidence.metric

    def follow(self, **changes: Any) -> "Question":
        """A question that this one leads to."""
        return replace(self, **changes)

    @cached_property
    def aligned(self) -> dict[str, "Aligned"]:
        """Common messages of both sides, for the directions where outputs of both are stored."""
        found = {}
        for direction in self.pairs:
            before = self.before.messages(direction) if self.before else None
            after = self.after.messages(direction)
            if before is not None and after is not None:
                lines = common_lines(before, after)
                if lines[0]:
                    found[direction] = Aligned(before.take(lines[0]), after.take(lines[1]), self.metric)
        return found

    def languages(self) -> list[str]:
        """Languages of the directions, or the one that is asked about."""
        return [self.language] if self.language else list(dict.fromkeys(c for d in self.pairs for c in pair(d)))


@dataclass(frozen=True)
class Aligned:
    """The same messages before and after."""

    before: DirectionOutputs
    after: DirectionOutputs
    metric: Metric

    def __len__(self) -> int:
        """Number of messages."""
        return len(self.after)

    def loss(self, keep: Flags | None = None) -> float:
        """Score before minus score after, over the messages that are kept; 0 where none is."""
        chosen = np.ones(len(self), bool) if keep is None else keep
        if not chosen.any():
            return 0.0
        sums = [side.statistics(self.metric)[chosen].sum(0) for side in (self.before, self.after)]
        before, after = (self.metric.score(total, pair(self.after.direction)[1]) for total in sums)
        return before - after

    def explained(self, flagged: Flags) -> float:
        """Share (0 to 1) of the loss that is gone without the flagged messages."""
        whole = self.loss()
        return float(np.clip((whole - self.loss(~flagged)) / whole, 0.0, 1.0)) if whole > 0 else 0.0

    def examples(self, direction: str, flagged: Flags) -> list[dict[str, Any]]:
        """Up to `EXAMPLES` of the flagged messages, those that lost most first."""
        lost = self.before.scores(self.metric) - self.after.scores(self.metric)
        order = sorted(np.flatnonzero(flagged), key=lambda line: (-lost[line], line))
        return [example(direction, self.after, int(line), self.before) for line in order[:EXAMPLES]]


def example(
    direction: str, after: DirectionOutputs, line: int, before: DirectionOutputs | None = None
) -> dict[str, Any]:
    """One message as evidence; `before` is aligned with `after`."""
    return {
        "pair": direction,
        "row_id": after.row_ids[line],
        "source": after.sources[line],
        "reference": after.references[line],
        "before": before.hypotheses[line] if before else None,
        "after": after.hypotheses[line],
    }
