"""A report with all that belongs to it: details, report.json, tables, pages."""

import random
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from eval.report.direction_details import DirectionDetails, describe
from eval.report.pages.site import write_pages
from eval.scoring.quality_scores import add_quality
from eval.scoring.shown_metrics import leading_metric
from eval.stored_outputs import OUTPUTS, SCORES, StoredOutputs
from eval.testsets.outputs import write_table
from parley.metrics.message_quality import FILE as QUALITY
from parley.metrics.message_quality import SCHEMA as QUALITY_SCHEMA
from parley.metrics.registry import METRICS
from parley.metrics.significance import SAMPLES as BOOTSTRAP_SAMPLES
from parley.pipeline.atomic import write_json

Report = dict[str, Any]
SAMPLES: Final = 20  # messages of mixed directions under the key `samples`


def write_report(
    out: Path,
    report: Report,
    stored: StoredOutputs,
    seed: int = 1,
    samples: int = BOOTSTRAP_SAMPLES,
    details: DirectionDetails | None = None,
    quality: pa.Table | None = None,
) -> None:
    """Add the details to a report and write report.json, its tables and all pages into `out`.

    Args:
        report: without details; they are put into it.
        stored: outputs of all systems with their scores.
        seed: of the bootstrap and of the choice of shown messages.
        samples: of the bootstrap behind intervals.
        details: of its directions; None makes them here, without buckets of rare words.
        quality: scores of quality estimation (`parley.metrics.message_quality.SCHEMA`); None or empty without it.
    """
    if details is None:
        metric = METRICS[leading_metric(report)]
        details = describe(stored, stored.directions, metric, {}, samples, seed)
    details.add_to(report)
    quality = QUALITY_SCHEMA.empty_table() if quality is None else quality
    add_quality(report, quality, samples, seed)
    report["samples"] = choose_samples(stored.outputs, SAMPLES, seed)
    write_json(out / "report.json", report)
    write_table(out / OUTPUTS, stored.outputs)
    write_table(out / SCORES, stored.messages)
    write_table(out / QUALITY, quality)
    write_pages(out, report, stored)


def choose_samples(outputs: pa.Table, count: int, seed: int) -> list[Report]:
    """A mix of directions: each drawn message is of another direction until all have had one."""
    generator = random.Random(seed)
    by_pair: dict[str, list[int]] = defaultdict(list)
    for index, direction in enumerate(outputs["pair"].to_pylist()):
        by_pair[direction].append(index)
    order: list[int] = []
    while by_pair and len(order) < count:
        for direction in generator.sample(sorted(by_pair), min(len(by_pair), count - len(order))):
            lines = by_pair[direction]
            order.append(lines.pop(generator.randrange(len(lines))))
            if not lines:
                del by_pair[direction]
    rows: list[Report] = outputs.take(pa.array(order, pa.int64())).to_pylist()
    return rows
