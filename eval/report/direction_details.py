"""What the pages show of each direction beyond its scores, made for some directions at a time and put together.

Parts of the work lie in folders: `details.json` and `deltas.npy` [K, 2, B], K compared pairs of systems.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from eval.report.bucket_scores import bucket_scores
from eval.report.shown_messages import shown_messages
from eval.report.system_comparisons import compare_direction, correct, overall
from eval.sampled_scores import SampledDeltas, SampledScores
from eval.scoring.buckets import Frequent
from eval.scoring.message_scores import histogram
from eval.scoring.phenomena import count_phenomena, pooled
from eval.stored_outputs import StoredOutputs, message_places
from parley.metrics.metric import Metric
from parley.metrics.significance import SAMPLES, Bootstrap
from parley.pipeline.atomic import write_json

Json = dict[str, Any]
BUCKET_SAMPLES: Final = 200
SHARPER: Final = 20  # times the samples of intervals: p-values must stay small when corrected for 240 directions
_DETAILS: Final = "details.json"
_DELTAS: Final = "deltas.npy"


@dataclass
class DirectionDetails:
    """Details by direction, and the samples of the comparisons over all of them."""

    by_direction: dict[str, Json] = field(default_factory=dict)
    sampled: SampledDeltas = field(default_factory=SampledDeltas)

    def save(self, folder: Path) -> None:
        """Write them into a folder."""
        write_json(folder / _DETAILS, {"directions": self.by_direction, "compared": list(self.sampled.sums)})
        np.save(folder / _DELTAS, np.asarray(list(self.sampled.sums.values()), np.float64))

    def add(self, folder: Path) -> None:
        """Add those that were written into a folder."""
        facts = json.loads((folder / _DETAILS).read_text(encoding="utf-8"))
        self.by_direction |= facts["directions"]
        for (a, b), (total, count) in zip(facts["compared"], np.load(folder / _DELTAS), strict=True):
            self.sampled.add_sums((a, b), total, count)

    def add_to(self, report: Json) -> None:
        """Put the details into a report, p-values corrected for all directions together."""
        entries = [entry for found in self.by_direction.values() for entry in found["comparisons"]]
        correct(entries)
        for direction, found in self.by_direction.items():
            entry = report["pairs"][direction]
            entry |= found | {"telling": found["telling"] | entry.get("telling", {})}
        report["phenomena"] = pooled([found["phenomena"] for found in self.by_direction.values()])
        if compared := overall(entries, self.sampled):
            report["comparisons"] = compared


def describe(
    stored: StoredOutputs,
    chosen: Sequence[str],
    metric: Metric,
    frequent: Frequent,
    samples: int = SAMPLES,
    seed: int = 1,
) -> DirectionDetails:
    """Details of some directions; docs/evaluation.md has their form.

    Args:
        stored: outputs of all directions with their scores: one draw of messages serves all.
        chosen: directions to describe.
        frequent: words that are not rare, by language.
        samples: of the bootstrap behind intervals.
    """
    details, number = DirectionDetails(), message_places(stored)
    if not number:
        return details
    draws = Bootstrap(len(number), samples * SHARPER, seed)
    few = Bootstrap(len(number), min(samples, BUCKET_SAMPLES), seed)
    for direction in chosen:
        outputs = stored.by_system(direction)
        compared = compare_direction(outputs, SampledScores(metric, number, draws), details.sampled)
        details.by_direction[direction] = {
            "comparisons": compared,
            "buckets": bucket_scores(outputs, SampledScores(metric, number, few), frequent),
            "phenomena": count_phenomena(outputs),
            "telling": shown_messages(outputs, [(row["a"], row["b"]) for row in compared], metric),
            "histograms": {system: histogram(mine.scores(metric)) for system, mine in outputs.items()},
        }
    return details
