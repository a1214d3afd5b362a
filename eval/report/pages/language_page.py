"""What languages/<code>.html shows: one language from and into all others."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from eval.report.pages.heat import withheld_directions
from eval.report.pages.overview import language_rows, main_system
from eval.report.pages.plots import common_scale, intervals_svg
from eval.report.pages.quality_tables import agreement_table, damage_rows, directions_of
from eval.scoring.shown_metrics import leading_metric
from parley.languages.table import CODES, pair

Report = Mapping[str, Any]


def language_context(report: Report, code: str) -> dict[str, Any]:
    """Variables of language.html."""
    systems = list(report.get("mean", {}))
    sides = {
        side: [d for d in report.get("pairs", {}) if pair(d)[place] == code]
        for place, side in enumerate(("from", "into"))
    }
    means = [{"system": s, **{side: _mean(report, s, found) for side, found in sides.items()}} for s in systems]
    return {
        "report": report,
        "code": code,
        "systems": systems,
        "main": main_system(report),
        "means": means,
        "sides": {side: direction_rows(report, found, place) for place, (side, found) in enumerate(sides.items())},
        "facts": next((row for row in language_rows(report) if row["code"] == code), None),
        "experts": expert_rows(report, code),
        "confusions": report.get("source_detection", {}).get("by_language", {}).get(code, {}),
        "agreement": agreement_table(report, directions_of(report, code)),
        "damage": damage_rows(report, [code]),
        "has_quality": any("qe" in (row[side] or {}) for row in means for side in sides),
        "findings_here": [f for f in report.get("findings", []) if any(code in pair(d) for d in f.get("pairs", []))],
    }


def language_codes(report: Report) -> list[str]:
    """Languages that the report tells of, in the fixed order."""
    found = {code for direction in report.get("pairs", {}) for code in pair(direction)}
    found |= set(report.get("routing", {}).get("languages", []))
    found |= {row["code"] for row in language_rows(report)}
    return [code for code in CODES if code in found]


def direction_rows(report: Report, found: list[str], place: int) -> list[dict[str, Any]]:
    """Directions with every system's score and its interval; the lowest of the shipped system first."""
    main, withheld, lead = main_system(report), withheld_directions(report), leading_metric(report)
    if not found:
        return []
    ends = [s[f"{lead}_ci"] for d in found for s in report["pairs"][d]["systems"].values()]
    scale = common_scale(ends)
    rows = []
    for direction in found:
        scores = report["pairs"][direction]["systems"]
        marks = [(value[lead], value[f"{lead}_ci"], colour) for colour, value in enumerate(scores.values())]
        other = pair(direction)[1 - place]
        entry = {"direction": direction, "other": other, "n": report["pairs"][direction]["n"], "scores": scores}
        rows.append(entry | {"plot": intervals_svg(marks, *scale), "withheld": direction in withheld})
    return sorted(rows, key=lambda row: row["scores"].get(main, {lead: 0.0})[lead])


def expert_rows(report: Report, code: str) -> list[dict[str, Any]]:
    """Share of the language's tokens by expert, for each layer."""
    routing = report.get("routing", {})
    if code not in routing.get("languages", []):
        return []
    row = routing["languages"].index(code)
    return [{"layer": layer, "shares": table[row]} for layer, table in routing["experts_by_language"].items()]


def _mean(report: Report, system: str, found: list[str]) -> dict[str, float] | None:
    mine = [report["pairs"][d]["systems"][system] for d in found if system in report["pairs"][d]["systems"]]
    if not mine:
        return None
    keys = (leading_metric(report), "off_target", "hallucinations", "omissions")
    mean = {key: fmean(scores[key] for scores in mine) for key in keys if all(key in scores for scores in mine)}
    quality = [scores["qe"]["score"] for scores in mine if scores.get("qe")]
    return mean | ({"qe": fmean(quality)} if quality else {})
