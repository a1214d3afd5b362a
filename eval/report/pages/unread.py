"""What the pages show of messages that may go out without a look: shares by wanted precision, and what was measured."""

from collections.abc import Mapping
from typing import Any

from eval.report.line_charts import Chart, chart
from eval.scoring.publishable import ALL

Report = Mapping[str, Any]


def unread_part(report: Report, scores_by_system: Report, labels: str = ALL) -> dict[str, Any]:
    """Shares of each system, the thresholds behind them and the precision measured there; empty without labels.

    Args:
        scores_by_system: of a direction, or the means.
        labels: whose thresholds and measured precision count: a direction's own, or those of all.
    """
    told = {system: scores["qe"].get("publishable") for system, scores in scores_by_system.items() if "qe" in scores}
    known = {system: found for system, found in told.items() if found}
    if not known:
        return {}
    quality = report["qe"]["error_free"]
    group = quality["groups"][labels]
    places = list(scores_by_system)
    rows = [
        {
            "system": system,
            "place": places.index(system),
            "cells": [(found[k], found[f"{k}_ci"]) for k in group["levels"]],
        }
        for system, found in known.items()
    ]
    levels = [{"wanted": float(level), **facts} for level, facts in group["levels"].items()]
    curves = {system: found["coverage"] for system, found in known.items() if "coverage" in found}
    return {
        "labels": _labels(quality["style"], group, labels),
        "levels": levels,
        "rows": rows,
        "chart": _chart(curves, group["curve"]) if curves else None,
    }


def _labels(style: str, group: Report, labels: str) -> str:
    """Where thresholds and precision come from, in words that promise no more than was measured."""
    where = "all directions together" if labels == ALL else labels
    free = f"{100 * group['error_free']['value']:.0f} % of them without an error"
    if style == "synthetic":
        made = f"{group['translations']:,} held-out translations with errors made on purpose, {where}, {free}."
        return f"{made} Nobody has judged the systems' own errors: read the shares as an order, not as a promise."
    people = f"{group['translations']:,} held-out translations annotated by people, {where}, {free}."
    return people if labels != ALL else f"{people} A direction without annotations of its own may differ."


def _chart(curves: Mapping[str, Any], points: Any) -> Chart:
    """Measured precision over the share of each system's messages that goes out, both in per cent."""
    series = {
        system: [[100 * share, 100 * point[2]] for share, point in zip(shares, points, strict=True) if share]
        for system, shares in curves.items()
    }
    return chart("Precision by coverage", {system: line for system, line in series.items() if line})
