"""What the pages show of quality estimation: scores by system, agreement with annotators, the check by damage."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eval.report.pages.heat import Cell, shade
from parley.languages.table import CODES, pair

Report = Mapping[str, Any]
AGREEMENT: Final = {
    "mcc": "Word MCC",
    "f1_bad": "F1 of bad words",
    "severity_macro_f1": "Severity, macro F1",
    "span_f1": "Span F1",
    "gap_mcc": "Gap MCC",
    "spearman": "Spearman of sentences",
}
BASELINES: Final = {
    "base_rate": "base rate",
    "alignment": "alignment",
}
KINDS: Final = {  # rows apart; those without a kind are news and talks
    "tags": "word tags",
    "medical": "medicine",
    "chat": "chat",
}


def quality_rows(scores_by_system: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Figures of each system that was scored: score, interval, errors per 100 words; `place` is its colour."""
    return [
        {"system": system, "place": place, "n": None, "score_ci": None, "dimensions": {}, **scores["qe"]}
        for place, (system, scores) in enumerate(scores_by_system.items())
        if scores.get("qe")
    ]


def agreement_table(report: Report, wanted: Sequence[str] | None = None) -> dict[str, Any]:
    """How the model agrees with annotations it was not trained on, beside the best simple baseline; empty without.

    Args:
        wanted: directions; None for all, with made errors over all directions first.
    """
    quality = report.get("qe", {})
    named = {"made errors, all directions": quality["synthetic"]} if "synthetic" in quality and wanted is None else {}
    for name, found in quality.get("human", {}).items():
        direction, _, style = name.partition("/")
        if wanted is None or direction in wanted:
            kind = f" ({KINDS.get(style, style)})" if style else ""
            named[f"people, {direction}{kind}"] = found
    rows = [
        {"of": name, "cells": _cells(found), "best": _best(found.get("baselines", {}))} for name, found in named.items()
    ]
    columns = [(key, label) for key, label in AGREEMENT.items() if any(key in row["cells"] for row in rows)]
    return {"columns": columns, "rows": rows} if rows else {}


def damage_rows(report: Report, codes: Sequence[str] = CODES) -> dict[str, Any]:
    """Mean score of damaged translations by language and share of replaced words; empty without the check."""
    curves = {code: curve for code, curve in report.get("qe", {}).get("damage", {}).items() if code in codes}
    if not curves:
        return {}
    rows = []
    for code in (code for code in CODES if code in curves):
        curve = curves[code]
        cells = [Cell(f"{score:.0f}", f"{score:.1f}", shade(score, 0, 100)) for score in curve["scores"]]
        rows.append({"code": code, "cells": cells, "falls": curve["falls"], "messages": curve["messages"]})
    shares = next(iter(curves.values()))["shares"]
    return {"rows": rows, "shares": shares, "falling": sum(row["falls"] for row in rows)}


def directions_of(report: Report, code: str) -> list[str]:
    """Directions of human annotations that a language is part of."""
    names = {name.partition("/")[0] for name in report.get("qe", {}).get("human", {})}
    return [name for name in names if "-" in name and code in pair(name)]


def _cells(found: Report) -> dict[str, tuple[float | None, Any]]:
    return {key: (found[key], found.get(f"{key}_ci")) for key in AGREEMENT if key in found}


def _best(baselines: Mapping[str, float | None]) -> str:
    known = {name: value for name, value in baselines.items() if value is not None}
    if not known:
        return ""
    name = max(known, key=lambda name: known[name])
    return f"{known[name]:.2f} ({BASELINES.get(name, name)})"
