"""Which metrics a report has, what the pages call them, and what a reader must know of them: key `metrics`."""

from collections.abc import Mapping, Sequence
from typing import Any

from parley.metrics.registry import DEFAULTS, METRICS

Facts = dict[str, Any]


def metric_facts(names: Sequence[str], targets: Sequence[str]) -> Facts:
    """`shown` (name, label, digits; the first leads), `signatures` and `notes`, for these target languages."""
    used = [METRICS[name] for name in names]
    return {
        "shown": [{"name": one.name, "label": one.label, "digits": one.digits} for one in used],
        "signatures": {key: value for one in used for key, value in one.signatures(targets).items()},
        "notes": [note for one in used for note in one.notes(targets)],
    }


def shown_metrics(report: Mapping[str, Any]) -> list[Facts]:
    """Metrics of a report: name, label and digits."""
    return list(report.get("metrics", {}).get("shown") or metric_facts(DEFAULTS, ())["shown"])


def leading_metric(report: Mapping[str, Any]) -> str:
    """Name of the metric with which a report tests differences."""
    return str(shown_metrics(report)[0]["name"])
