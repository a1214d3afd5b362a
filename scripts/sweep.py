"""What a multirun found: `runs/<name>/sweep/` with sweep.json, and the last job's report with all jobs in it."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from parley.pipeline.atomic import replacing, write_json
from parley.pipeline.progress import say
from scripts.run_config import RunConfig

FOLDER: Final = "sweep"
SUMMARY: Final = "sweep.json"
_OF_A_ROUND: Final = ("ratio", "adopted", "reason", "candidates", "accepted", "accepted_share", "gain", "others")


def summarise(jobs: Sequence[tuple[list[str], RunConfig, Path]]) -> None:
    """Write the summary of finished jobs (words, config, folder of the report) beside their stages.

    Jobs of one run name share its folder and every stage that is the same; each has a report of its own in
    `report/<fingerprint>/`, and the last one's is the published one.
    """
    by_run: dict[Path, list[dict[str, Any]]] = {}
    last: dict[Path, Path] = {}
    several = varied([words for words, *_ in jobs])
    for words, config, report in jobs:
        run_dir = report.parents[1]
        last[run_dir] = report
        row = job_row([word for word in words if word in several], config, report)
        by_run.setdefault(run_dir, []).append(row)
    for run_dir, rows in by_run.items():
        _write(run_dir / FOLDER, rows, last[run_dir])
        say(f"sweep over {len(rows)} jobs: {run_dir / FOLDER / 'index.html'}")


def varied(jobs: Sequence[list[str]]) -> set[str]:
    """The words that not all jobs have in common."""
    common = set.intersection(*map(set, jobs))
    return {word for words in jobs for word in words} - common


def job_row(words: list[str], config: RunConfig, folder: Path) -> dict[str, Any]:
    """What sweep.json says of a job: overrides, ratio asked for, means on test, and the key of back-translation."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    row: dict[str, Any] = {"overrides": words, "report": f"../report/{folder.name}/index.html"}
    row["ratio"] = config.backtranslation.ratio if config.backtranslation.rounds else 0.0
    row["systems"] = report.get("mean", {})
    return row | (_short(report["backtranslation"]) if "backtranslation" in report else {})


def _short(told: Mapping[str, Any]) -> dict[str, Any]:
    """Test figures, and of each round what a curve over the ratio shows."""
    rounds = [{key: each[key] for key in _OF_A_ROUND if key in each} for each in told["rounds"]]
    return {**{key: told[key] for key in ("pairs", "mean", "others") if key in told}, "rounds": rounds}


def _write(out: Path, rows: list[dict[str, Any]], last: Path) -> None:
    """sweep.json, and a copy of the last job's report in which key `backtranslation` has all jobs as `sweep`."""
    from eval.report.pages.site import render_folder

    with replacing(out) as temporary:
        shutil.copytree(last, temporary)
        report = json.loads((temporary / "report.json").read_text(encoding="utf-8"))
        report["backtranslation"] = report.get("backtranslation", {}) | {"sweep": rows}
        write_json(temporary / "report.json", report)
        write_json(temporary / SUMMARY, {"jobs": rows})
        render_folder(temporary)
