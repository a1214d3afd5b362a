"""All pages of a report: overview, a page per pair and per language, routing, and the Markdown summary."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eval.report.pages.environment import render
from eval.report.pages.language_page import language_codes, language_context
from eval.report.pages.overview import overview_context
from eval.report.pages.pair_page import pair_context
from eval.report.pages.routing_page import routing_context
from eval.scoring.shown_metrics import shown_metrics
from eval.stored_outputs import OUTPUTS, StoredOutputs, read_outputs
from parley.pipeline.atomic import write_text
from parley.pipeline.errors import InputError
from parley.pipeline.progress import track

Report = Mapping[str, Any]
OVERVIEW: Final = "index.html"
ROUTING: Final = "routing.html"
SUMMARY: Final = "summary.md"
PAGES: Final = (OVERVIEW, ROUTING, SUMMARY, "pairs", "languages")


def write_pages(out: Path, report: Report, stored: StoredOutputs) -> list[Path]:
    """Write every page that the report has something for.

    Args:
        out: folder of report.json.
        report: what report.json holds; keys that are absent leave their part out with one word.
        stored: outputs of all systems, for the messages on the pair pages.

    Returns:
        The files written.
    """
    for folder in ("pairs", "languages"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    shared = _shared(report)
    files = [_write(out / OVERVIEW, "overview.html", shared | overview_context(report))]
    files.append(_write(out / SUMMARY, "summary.md", shared | overview_context(report)))
    files.append(_write(out / ROUTING, "routing.html", shared | routing_context(report)))
    below = shared | {"root": "../"}
    for code in shared["nav_codes"]:
        files.append(
            _write(out / "languages" / f"{code}.html", "language.html", below | language_context(report, code))
        )
    told = [direction for direction in stored.directions if direction in report["pairs"]]
    for direction in track(told, "write pages"):
        context = below | pair_context(report, direction, stored.by_system(direction))
        files.append(_write(out / "pairs" / f"{direction}.html", "pair.html", context))
    return files


def render_folder(folder: Path) -> list[Path]:
    """Write the pages anew from report.json and the outputs beside it: after a decision was added, for instance.

    Raises:
        InputError: no report or no outputs in the folder.
    """
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no report with its outputs ({error})") from error
    return write_pages(folder, report, read_outputs([folder / OUTPUTS]))


def _shared(report: Report) -> dict[str, Any]:
    """Variables of every page."""
    metrics = shown_metrics(report)
    return {
        "report": report,
        "metrics": metrics,
        "lead": metrics[0],
        "root": "",
        "nav_pairs": list(report.get("pairs", {})),
        "nav_codes": language_codes(report),
    }


def _write(path: Path, template: str, context: Mapping[str, Any]) -> Path:
    write_text(path, render(template, context))
    return path
