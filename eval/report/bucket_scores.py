"""A metric of every system on every kind of message."""

from collections.abc import Mapping
from typing import Any, Final

from eval.sampled_scores import SampledScores
from eval.scoring.buckets import Bucket, Frequent, bucket_rows
from eval.stored_outputs import DirectionOutputs
from parley.metrics.significance import interval

Json = dict[str, Any]
MIN_BUCKET: Final = 5  # messages; fewer say nothing


def bucket_scores(outputs: Mapping[str, DirectionOutputs], scored: SampledScores, frequent: Frequent) -> list[Json]:
    """Key `buckets` of a direction: `kind`, `name`, `n`, and by system the score and its interval.

    Args:
        frequent: words that are not rare, by language.
    """
    found: dict[Bucket, Json] = {}
    name = scored.metric.name
    for system, mine in outputs.items():
        rows = bucket_rows(mine.direction, mine.sources, mine.references, mine.domains, frequent)
        for bucket, lines in rows.items():
            if len(lines) >= MIN_BUCKET:
                score, samples = scored.of(mine, lines)
                entry = found.setdefault(bucket, {"kind": bucket[0], "name": bucket[1], "n": 0, "systems": {}})
                entry["n"] = max(entry["n"], len(lines))
                ends = [round(bound, 2) for bound in interval(samples)]
                entry["systems"][system] = {name: round(score, 2), f"{name}_ci": ends}
    return list(found.values())
