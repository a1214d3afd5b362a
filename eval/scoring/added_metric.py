"""A metric that is put into a finished report: of values that were made elsewhere, one for each output."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from eval.scoring.direction_scores import score_directions
from eval.scoring.shown_metrics import shown_metrics
from parley.metrics.metric import MeanMetric, mean_statistics
from parley.metrics.significance import SAMPLES, interval


def with_values(messages: pa.Table, metric: MeanMetric, values: Sequence[float]) -> pa.Table:
    """A table of message scores with the statistics of [N] values of a metric, in place of those that it had."""
    flat = pa.array(mean_statistics(values).ravel(), pa.int32())
    column = pa.FixedSizeListArray.from_arrays(flat, metric.width)
    if metric.column in messages.column_names:
        messages = messages.drop_columns([metric.column])
    return messages.append_column(metric.column, column)


def add_metric(report: dict[str, Any], messages: pa.Table, metric: MeanMetric, signature: str) -> None:
    """Put a metric and its interval into every direction and the means of a report.

    Args:
        report: content of report.json; changed in place.
        messages: scores of its outputs, with the metric's statistics.
        signature: what must be known to compute it again.
    """
    facts = report.setdefault("metrics", {})
    settings, name, ends = facts.get("bootstrap", {}), metric.name, f"{metric.name}_ci"
    scored = score_directions(messages, [name], settings.get("samples", SAMPLES), settings.get("seed", 1))
    for (system, direction), found in scored.items():
        report["pairs"][direction]["systems"][system] |= {key: found.scores[key] for key in (name, ends)}
    for system, mean in report["mean"].items():
        mine = [found for (known, _), found in scored.items() if known == system]
        if mine:
            mean[name] = float(np.mean([found.scores[name] for found in mine]))
            mean[ends] = list(interval(np.nanmean([found.samples[name] for found in mine], axis=0)))
    others = [one for one in shown_metrics(report) if one["name"] != name]
    facts["shown"] = [*others, {"name": name, "label": metric.label, "digits": metric.digits}]
    facts.setdefault("signatures", {})[name] = signature
