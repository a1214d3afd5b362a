"""Bootstrap scores of systems on parts of a test set, and their differences: one draw of its messages serves all.

Legend: B samples, R messages of the test set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eval.stored_outputs import DirectionOutputs, common_lines
from parley.languages.table import pair
from parley.metrics.metric import Metric
from parley.metrics.ngrams import Floats
from parley.metrics.significance import Bootstrap

Two = tuple[str, str]


@dataclass(frozen=True)
class SampledDifference:
    """Two systems on the `n` messages that both have: scores, and differences [B], the second minus the first."""

    n: int
    before: float
    after: float
    deltas: Floats


@dataclass
class SampledScores:
    """Scores of one direction's outputs by a metric.

    Attributes:
        number: of each message id in the draw, 0 to R - 1.
        draws: of R messages.
    """

    metric: Metric
    number: Mapping[str, int]
    draws: Bootstrap
    _made: dict[tuple[int, tuple[int, ...]], tuple[DirectionOutputs, float, Floats]] = field(default_factory=dict)

    def of(self, outputs: DirectionOutputs, lines: Sequence[int]) -> tuple[float, Floats]:
        """Score of some lines and its samples [B]; made once, since a system takes part in several comparisons."""
        key = id(outputs), tuple(lines)
        if key not in self._made:
            statistics = outputs.statistics(self.metric)[list(lines)]
            sums = self.draws.sums(statistics, [self.number[outputs.row_ids[line]] for line in lines])
            point = self.metric.score(statistics.sum(0), pair(outputs.direction)[1])
            self._made[key] = outputs, point, self.metric.scores(sums)
        return self._made[key][1:]

    def difference(self, before: DirectionOutputs, after: DirectionOutputs) -> SampledDifference | None:
        """The paired difference; None where the two have no message in common."""
        lines = common_lines(before, after)
        if not lines[0]:
            return None
        (old, old_samples), (new, new_samples) = self.of(before, lines[0]), self.of(after, lines[1])
        return SampledDifference(len(lines[0]), old, new, new_samples - old_samples)


@dataclass
class SampledDeltas:
    """Differences of compared systems, added up over directions: by (a, b) sum [B] and directions [B]."""

    sums: dict[Two, tuple[Floats, Floats]] = field(default_factory=dict)

    def add(self, two: Two, deltas: Floats) -> None:
        """Add the samples of another direction; nan where a sample has none of its messages."""
        self.add_sums(two, np.nan_to_num(deltas), (~np.isnan(deltas)).astype(np.float64))

    def add_sums(self, two: Two, total: Floats, count: Floats) -> None:
        """Add what was added up elsewhere."""
        known = self.sums.get(two)
        self.sums[two] = (known[0] + total, known[1] + count) if known else (total, count)

    def mean(self, two: Two) -> Floats:
        """Means over directions [B]; nan where no direction had a message."""
        total, count = self.sums[two]
        return np.asarray(total / np.where(count > 0, count, np.nan))
