"""What pairs/<source>-<target>.html shows: one direction, all systems, down to single messages."""

from collections.abc import Mapping
from typing import Any, Final

from eval.report.pages.clusters import cluster_ranks
from eval.report.pages.environment import bounds
from eval.report.pages.heat import shade, withheld_directions
from eval.report.pages.pair_messages import PairMessages
from eval.report.pages.phenomena_table import phenomena_table
from eval.report.pages.plots import common_scale, histogram_svg, interval_svg
from eval.report.pages.quality_tables import agreement_table, quality_rows
from eval.report.pages.unread import unread_part
from eval.scoring.buckets import LABELS
from eval.scoring.message_scores import RATES as RATE_OF
from eval.scoring.publishable import labels_for
from eval.scoring.shown_metrics import shown_metrics
from eval.stored_outputs import DirectionOutputs
from parley.languages.table import pair
from parley.metrics.registry import METRICS

Report = Mapping[str, Any]
RATES: Final = (
    ("hallucinations", "Hallucination"),
    ("omissions", "Omission"),
    ("copies", "Copy"),
    ("off_target", "Wrong language"),
    ("empty", "Empty"),
    ("looping", "Looping"),
)
BUCKET_REACH: Final = 20.0  # points from the system's own score at which the colour is full


def pair_context(report: Report, direction: str, outputs: Mapping[str, DirectionOutputs]) -> dict[str, Any]:
    """Variables of pair.html."""
    entry, lead = report["pairs"][direction], shown_metrics(report)[0]
    source, target = pair(direction)
    messages = PairMessages(entry.get("telling", {}), outputs, METRICS[lead["name"]])
    return {
        "report": report,
        "direction": direction,
        "source": source,
        "target": target,
        "reverse": f"{target}-{source}" if f"{target}-{source}" in report["pairs"] else "",
        "entry": entry,
        "systems": list(entry["systems"]),
        "withheld": direction in withheld_directions(report),
        "scores": score_rows(entry, lead["name"]),
        "rates": rate_rows(entry, outputs),
        "comparisons": comparison_rows(entry),
        "histogram": _histogram(
            entry.get("histograms", {}), f"Distribution of {lead['label']} of single messages in {direction}"
        ),
        "buckets": bucket_rows(entry, lead["name"]),
        "uniform_kinds": uniform_kinds(entry),
        "phenomena": phenomena_table(entry.get("phenomena", {}), list(entry["systems"])),
        "quality": quality_rows(entry["systems"]),
        "quality_histogram": _histogram(entry.get("quality_histograms", {}), f"Distribution of QE in {direction}"),
        "unread": unread_part(report, entry["systems"], labels_for(report, direction)),
        "agreement": agreement_table(report, [direction]),
        "people": people_part(report, direction),
        "battles": messages.battles(entry.get("comparisons", [])),
        "worst": messages.of_systems("worst"),
        "quality_worst": messages.of_systems("qe"),
        "kinds": sorted({kind for kinds in messages.kinds.values() for kind in kinds}),
        "failures": {flag: label for (rate, label) in RATES for flag, key in RATE_OF.items() if key == rate},
        "judged": judged(report, direction),
        "rounds": round_rows(report, direction),
        "data": data_facts(report, source, target),
    }


def score_rows(entry: Report, metric: str) -> list[dict[str, Any]]:
    """Each system's scores, with a plot of a metric's interval on a common scale."""
    scale = common_scale([scores[f"{metric}_ci"] for scores in entry["systems"].values()])
    return [
        {"system": system, "plot": interval_svg(scores[metric], scores[f"{metric}_ci"], *scale, place), **scores}
        for place, (system, scores) in enumerate(entry["systems"].items())
    ]


def rate_rows(entry: Report, outputs: Mapping[str, DirectionOutputs]) -> list[dict[str, Any]]:
    """Kinds of failures: how many messages of each system, and the share."""
    rows = []
    for key, label in RATES:
        shares = {system: scores.get(key) for system, scores in entry["systems"].items()}
        if any(share is not None for share in shares.values()):
            sizes = {system: len(outputs[system]) if system in outputs else entry["n"] for system in shares}
            cells = [(share, round(share * sizes[s])) if share is not None else None for s, share in shares.items()]
            rows.append({"label": label, "cells": cells})
    return rows


def comparison_rows(entry: Report) -> list[dict[str, Any]]:
    """Differences between systems, with a plot around zero and a word on what they show."""
    found = entry.get("comparisons", [])
    reach = max([1.0, *(abs(end) for row in found for end in row["delta_ci"])])
    return [
        {
            **row,
            "plot": interval_svg(row["delta"], row["delta_ci"], -reach, reach),
            "word": "no difference shown" if row["p_adjusted"] >= 0.05 else "better" if row["delta"] > 0 else "worse",
        }
        for row in found
    ]


def bucket_rows(entry: Report, metric: str) -> list[dict[str, Any]]:
    """Buckets with each system's score, coloured by its distance from the system's score on all messages.

    One that holds all messages says nothing more and is left out.
    """
    rows = []
    for bucket in (bucket for bucket in entry.get("buckets", []) if bucket["n"] < entry["n"]):
        cells = []
        for system, overall in entry["systems"].items():
            scores = bucket["systems"].get(system)
            style = shade(scores[metric] - overall[metric], -BUCKET_REACH, BUCKET_REACH, "d") if scores else ""
            cells.append((scores, style))
        kind = LABELS.get(bucket["kind"], bucket["kind"])
        rows.append({"kind": kind, "name": bucket["name"], "n": bucket["n"], "cells": cells})
    return rows


def uniform_kinds(entry: Report) -> list[str]:
    """What is said of kinds that tell no messages apart."""
    found = {bucket["kind"]: bucket for bucket in entry.get("buckets", [])}
    whole = [one for one in found.values() if one["n"] == entry["n"]]
    words = {"with": "in every message", "without": "in no message"}
    said = [f"{LABELS.get(one['kind'], one['kind'])}: {words.get(one['name'], one['name'])}." for one in whole]
    return said if "rare_words" in found else [*said, "Rare words: no training corpus to count in."]


def judged(report: Report, direction: str) -> dict[str, Any]:
    """Gates that name the direction, findings that concern it, and its change since the promoted model."""
    systems = report.get("comparison", {}).get("systems", {})
    return {
        "gates": [gate for gate in report.get("gates", []) if gate.get("pair") == direction],
        "findings": [found for found in report.get("findings", []) if direction in found.get("pairs", [])],
        "changes": [{"system": s, **e["pairs"][direction]} for s, e in systems.items() if direction in e["pairs"]],
    }


def round_rows(report: Report, direction: str) -> dict[str, Any]:
    """Back-translation of the direction's pair: scores without and with it, and each round's facts; empty without."""
    source, target = pair(direction)
    names = (direction, f"{target}-{source}")  # rounds treat both directions of a pair together
    found = report.get("backtranslation", {})
    rounds = []
    for number, entry in enumerate(found.get("rounds", []), 1):
        here = next((entry["pairs"][name] for name in names if name in entry.get("pairs", {})), None)
        if here is not None:
            facts = {key: _cell(value) for key, value in here.items() if _is_cell(value)}
            rounds.append({"round": entry.get("round", number), "adopted": entry.get("adopted"), "facts": facts})
    columns = list(dict.fromkeys(key for entry in rounds for key in entry["facts"]))
    return {"summary": found.get("pairs", {}).get(direction), "rounds": rounds, "columns": columns}


def _is_cell(value: Any) -> bool:
    return isinstance(value, int | float | str) or (isinstance(value, list) and len(value) == 2)


def _cell(value: Any) -> Any:
    """A pair of numbers is an interval."""
    return bounds(value, 2) if isinstance(value, list) else value


def data_facts(report: Report, source: str, target: str) -> list[tuple[str, str]]:
    """What training had of this pair."""
    data, facts = report.get("data", {}), []
    pairs = data.get("pairs", {})
    rows = pairs.get(f"{source}-{target}", pairs.get(f"{target}-{source}"))
    if rows is not None:
        facts.append(("Training messages in both languages", f"{rows:,}"))
    for code in (source, target):
        if code in data.get("languages", {}):
            facts.append((f"Training messages in {code}", f"{data['languages'][code].get('train', 0):,}"))
        fertility = report.get("tokenizer", {}).get("languages", {}).get(code, {}).get("tokens_per_character")
        if fertility is not None:
            facts.append((f"Tokens per character, {code}", f"{fertility:.2f}"))
    return facts


def people_part(report: Report, direction: str) -> dict[str, Any]:
    """What people said in campaigns, with the ranks of the systems; empty without."""
    found = report.get("people", {}).get(direction)
    return {**found, "ranks": cluster_ranks(list(found["systems"]), found["comparisons"])} if found else {}


def _histogram(series: Mapping[str, Any], label: str) -> Any:
    return histogram_svg(series, label) if series else ""
