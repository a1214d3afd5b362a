"""A metric of every system on every kind of message."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from eval.scoring.buckets import Bucket, Frequent, bucket_rows
from eval.stored_outputs import DirectionOutputs
from parley.languages.table import pair
from parley.metrics.metric import Metric
from parley.metrics.significance import Bootstrap, interval

Json = dict[str, Any]
MIN_BUCKET: Final = 5  # messages; fewer say nothing


def bucket_scores(
    outputs: Mapping[str, DirectionOutputs],
    metric: Metric,
    number: Mapping[str, int],
    frequent: Frequent,
    draws: Bootstrap,
) -> list[Json]:
    """Key `buckets` of a direction: `kind`, `name`, `n`, and by system the score and its interval.

    Args:
        number: of each message in the draw.
        frequent: words that are not rare, by language.
    """
    found: dict[Bucket, Json] = {}
    for system, mine in outputs.items():
        rows = bucket_rows(mine.direction, mine.sources, mine.references, mine.domains, frequent)
        rows = {bucket: lines for bucket, lines in rows.items() if len(lines) >= MIN_BUCKET}
        for bucket, (score, bounds) in _scores(mine, rows, metric, number, draws).items():
            entry = found.setdefault(bucket, {"kind": bucket[0], "name": bucket[1], "n": 0, "systems": {}})
            entry["n"] = max(entry["n"], len(rows[bucket]))
            shown = {metric.name: round(score, 2), f"{metric.name}_ci": [round(bound, 2) for bound in bounds]}
            entry["systems"][system] = shown
    return list(found.values())


def _scores(
    outputs: DirectionOutputs,
    rows: Mapping[Bucket, list[int]],
    metric: Metric,
    number: Mapping[str, int],
    draws: Bootstrap,
) -> dict[Bucket, tuple[float, tuple[float, float]]]:
    """Score and its interval by bucket."""
    statistics, target = outputs.statistics(metric), pair(outputs.direction)[1]
    numbers = np.array([number[row_id] for row_id in outputs.row_ids], np.int64)
    found = {}
    for bucket, lines in rows.items():
        mine = statistics[lines]
        sums = draws.sums(mine, numbers[lines])
        found[bucket] = metric.score(mine.sum(0), target), interval(metric.scores(sums))
    return found
