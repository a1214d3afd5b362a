"""What index.html shows: verdict, maps, best and worst directions, cost, provenance."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from eval.report import line_charts
from eval.report.pages.clusters import cluster_ranks
from eval.report.pages.heat import direction_maps, shown_codes, withheld_directions
from eval.report.pages.phenomena_table import phenomena_table
from eval.report.pages.quality_tables import agreement_table, damage_rows, quality_rows
from eval.report.pages.timeline import timeline
from eval.report.pages.unread import unread_part
from eval.scoring.shown_metrics import leading_metric
from eval.system_names import shipped
from parley.languages.table import CODES

Report = Mapping[str, Any]
EXTREMES: Final = 8  # best and worst directions
WORST_LAYERS: Final = 5  # shown of a quantized system
COLUMNS: Final = {
    "qe": "QE",
    "hallucinations": "Hallucination",
    "omissions": "Omission",
    "copies": "Copy",
    "off_target": "Wrong language",
    "empty": "Empty",
    "looping": "Looping",
}
# What another part of the pipeline may add: key of report.json -> what to call it where it is absent.
OPTIONAL: Final = {
    "gates": "Gates: none declared.",
    "comparison": "Change since promoted: no promoted model.",
    "qe": "QE: not run.",
    "backtranslation": "Back-translation: not run.",
    "student": "Student: not trained.",
}


def overview_context(report: Report) -> dict[str, Any]:
    """Variables of overview.html."""
    systems = list(report.get("mean", {}))
    ranked = [name for name in systems if leading_metric(report) in report["mean"][name]]
    return {
        "report": report,
        "systems": systems,
        "ranks": cluster_ranks(ranked, report.get("comparisons", [])),
        "main": main_system(report),
        "verdict": verdict(report),
        "maps": direction_maps(report),
        "extremes": extremes(report, main_system(report)),
        "codes": shown_codes(report.get("pairs", {})),
        "directions": direction_rows(report),
        "columns": shown_columns([*report.get("mean", {}).values(), *direction_rows(report)]),
        "charts": line_charts.charts(report.get("training", {}).get("curves", {})),
        "languages_table": language_rows(report),
        "cleaning": report.get("data", {}).get("cleaning", {}).get("filters", []),
        "absent": absent(report),
        "stages": timeline(report),
        "slices": slice_rows(report),
        "phenomena": phenomena_table({p["name"]: p["systems"] for p in report.get("phenomena", [])}, systems),
        "terms": term_table(report),
        "quality": quality_rows(report.get("mean", {})),
        "unread": unread_part(report, report.get("mean", {})),
        "agreement": agreement_table(report),
        "damage": damage_rows(report),
        "quantized": quantization_rows(report),
        "flat_facts": flat_facts,
    }


def main_system(report: Report) -> str:
    """The system that would be shipped: the last of teacher -> student -> int8 that has scores, else the first."""
    return shipped(list(report.get("mean", {})))


def verdict(report: Report) -> dict[str, Any]:
    """One word to decide by (`ship`, `stop`, `none`), a headline, and why."""
    gates = report.get("gates", [])
    failed = [gate for gate in gates if gate.get("passed") is False]
    open_ones = [gate for gate in gates if gate.get("passed") is None]
    judged = len(gates) - len(open_ones)
    rest = f", {len(open_ones)} not judged" if open_ones else ""
    if failed:
        names = ", ".join(gate["name"] for gate in failed)
        return {
            "word": "stop",
            "headline": "Do not ship",
            "why": f"{len(failed)} of {judged} gates failed: {names}{rest}.",
        }
    if judged:
        return {"word": "ship", "headline": "Ship", "why": f"All {judged} gates passed{rest}."}
    return {"word": "none", "headline": "No verdict", "why": "No gates were judged for this report."}


def shown_columns(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Columns of failures and QE that any of the rows has: (key, label)."""
    found = list(rows)
    return [(key, label) for key, label in COLUMNS.items() if any(row.get(key) is not None for row in found)]


def extremes(report: Report, system: str) -> dict[str, list[dict[str, Any]]]:
    """Best and worst directions of one system by the leading metric; fewer where there are few."""
    rows = [row for row in direction_rows(report) if row["system"] == system]
    ranked = sorted(rows, key=lambda row: row[leading_metric(report)])
    count = min(EXTREMES, len(ranked) // 2)
    return {"worst": ranked[:count], "best": ranked[::-1][:count]}


def direction_rows(report: Report) -> list[dict[str, Any]]:
    """One row per direction and system for the sortable table."""
    withheld = withheld_directions(report)
    return [
        {"direction": direction, "system": system, "n": entry["n"], "withheld": direction in withheld, **scores}
        for direction, entry in report.get("pairs", {}).items()
        for system, scores in entry["systems"].items()
    ]


def language_rows(report: Report) -> list[dict[str, Any]]:
    """Rows per split and tokenizer figures of each language."""
    corpus = report.get("data", {}).get("languages", {})
    tokenizer = report.get("tokenizer", {}).get("languages", {})
    codes = [code for code in CODES if code in corpus or code in tokenizer]
    return [{"code": code, **corpus.get(code, {}), **tokenizer.get(code, {})} for code in codes]


def quantization_rows(report: Report) -> list[dict[str, Any]]:
    """Each system in eight bits: engine, agreement with the float model, and the layers that lose most."""
    rows = []
    for system, facts in report.get("quantization", {}).items():
        layers = sorted(facts.get("layers", []), key=lambda layer: -layer["error"])
        middle = layers[len(layers) // 2]["error"] if layers else None
        rows.append({"system": system, "middle": middle, **facts, "layers": layers[:WORST_LAYERS]})
    return rows


def slice_rows(report: Report) -> list[dict[str, Any]]:
    """Every slice of the test set and system: score on it and on the same messages without the disturbance."""
    return [
        {"slice": name.replace("_", " "), "system": system, **value}
        for name, systems in report.get("slices", {}).items()
        for system, value in systems.items()
        if isinstance(value, Mapping) and leading_metric(report) in value
    ]


def term_table(report: Report) -> list[tuple[str, str, Mapping[str, float]]]:
    """(system, group and mode, shares) of the terms of the glossary; empty where that was not measured."""
    return [
        (system, f"{group} {mode}", shares)
        for system, groups in report.get("terms", {}).items()
        for group, modes in groups.items()
        for mode, shares in (modes.items() if "n" not in modes else [("", modes)])
    ]


def absent(report: Report) -> list[str]:
    """One clear word for each part that this run does not have."""
    systems = report.get("mean", {})
    has_quality = "qe" in report or any(
        "qe" in s for e in report.get("pairs", {}).values() for s in e["systems"].values()
    )
    present = {key for key in OPTIONAL if report.get(key)} | ({"qe"} if has_quality else set())
    present |= {"student"} if any(system.startswith("student") for system in systems) else set()
    return [text for key, text in OPTIONAL.items() if key not in present]


def flat_facts(value: Any, at: str = "") -> list[tuple[str, str]]:
    """A nested JSON value as (dotted path, text) lines; long lists are cut."""
    if isinstance(value, Mapping):
        return [line for key, item in value.items() for line in flat_facts(item, f"{at}.{key}" if at else str(key))]
    if isinstance(value, list):
        shown = ", ".join(map(str, value[:12]))
        return [(at, shown + (f", … ({len(value)})" if len(value) > 12 else ""))]
    return [(at, f"{value:.4g}" if isinstance(value, float) else str(value))]
