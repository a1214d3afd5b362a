"""Where a training stands."""

import math
from dataclasses import dataclass, field

from parley.pipeline.errors import InputError
from training.loop.config import TrainingConfig


@dataclass
class TrainingProgress:
    """What is done, over all resumes.

    Attributes:
        update, tokens, seconds: done.
        halved: micro-batches that did not fit into memory, over all processes, up to the update before.
        validated: update of the last validation; -1 for none.
        best_update, best_metrics: of the best validation; None and no scores before the first.
    """

    update: int = 0
    tokens: int = 0
    seconds: float = 0.0
    halved: int = 0
    validated: int = -1
    best_update: int | None = None
    best_metrics: dict[str, float] = field(default_factory=dict)

    def used(self, config: TrainingConfig) -> float:
        """Share of the budget that is used, 1 or more when it is used up."""
        limits = (
            (self.update, config.max_updates),
            (self.tokens, config.max_tokens),
            (self.seconds / 60, config.max_minutes),
        )
        return max(done / limit for done, limit in limits if limit)

    def offer(self, scores: dict[str, float], metric: str) -> None:
        """Take in a validation; it is the best one when it scores higher by the metric than the best so far.

        Raises:
            InputError: validation does not give the metric.
        """
        if metric not in scores:
            raise InputError(f"best weights by {metric}: validation gives {', '.join(sorted(scores))}")
        best = self.best_metrics.get(metric, math.nan)
        if math.isnan(best) or scores[metric] > best:
            self.best_update, self.best_metrics = self.update, scores
        self.validated = self.update
