"""All pages of a report: overview, a page per pair and per language, routing, and the Markdown summary."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from eval.report.details import direction_blocks
from eval.report.pages.environment import render
from eval.report.pages.language_page import language_codes, language_context
from eval.report.pages.overview import overview_context
from eval.report.pages.pair_page import pair_context
from eval.report.pages.routing_page import routing_context
from eval.scoring.message_scores import score_messages
from parley.pipeline.atomic import write_text
from parley.pipeline.errors import InputError
from parley.pipeline.progress import track

Report = Mapping[str, Any]
OVERVIEW: Final = "index.html"
ROUTING: Final = "routing.html"
SUMMARY: Final = "summary.md"
OUTPUTS: Final = "outputs.parquet"
SCORES: Final = "message_scores.parquet"
PAGES: Final = (OVERVIEW, ROUTING, SUMMARY, "pairs", "languages")


def write_pages(out: Path, report: Report, outputs: pa.Table, messages: pa.Table) -> list[Path]:
    """Write every page that the report has something for.

    Args:
        out: folder of report.json.
        report: what report.json holds; keys that are absent leave their part out with one word.
        outputs: of all systems, for the messages on the pair pages.
        messages: their scores, aligned.

    Returns:
        The files written.
    """
    for folder in ("pairs", "languages"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    shared = _shared(report)
    files = [_write(out / OVERVIEW, "overview.html", shared | overview_context(report))]
    files.append(_write(out / SUMMARY, "summary.md", overview_context(report)))
    files.append(_write(out / ROUTING, "routing.html", shared | routing_context(report)))
    below = shared | {"root": "../"}
    for code in shared["nav_codes"]:
        files.append(
            _write(out / "languages" / f"{code}.html", "language.html", below | language_context(report, code))
        )
    blocks = direction_blocks(outputs, messages)
    for direction, found in track(blocks, "write pages", len(shared["nav_pairs"])):
        if direction in report["pairs"]:
            context = below | pair_context(report, direction, found)
            files.append(_write(out / "pairs" / f"{direction}.html", "pair.html", context))
    return files


def render_folder(folder: Path) -> list[Path]:
    """Write the pages anew from report.json and the outputs beside it: after a judgement was added, for instance.

    Raises:
        InputError: no report or no outputs in the folder.
    """
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        outputs = pq.read_table(folder / OUTPUTS)
        messages = pq.read_table(folder / SCORES) if (folder / SCORES).exists() else score_messages(outputs, None)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no report with its outputs ({error})") from error
    return write_pages(folder, report, outputs, messages)


def _shared(report: Report) -> dict[str, Any]:
    """Variables of every page."""
    return {
        "report": report,
        "root": "",
        "nav_pairs": list(report.get("pairs", {})),
        "nav_codes": language_codes(report),
    }


def _write(path: Path, template: str, context: Mapping[str, Any]) -> Path:
    write_text(path, render(template, context))
    return path
