"""What a run ships: lists the candidates and what is promoted, promotes a report by hand, goes back to the one before.

    python scripts/promote.py run=demo                                        list
    python scripts/promote.py run=demo report=0f3a62d1                        promote; the gates must hold
    python scripts/promote.py run=demo rollback=true reason="slow on phones"  back to the one before

A report is promoted with all its models: the teacher, the student that learnt from it, quality estimation. What a
rollback withdraws no tick promotes again; `report=` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eval.evidence import REPORT
from eval.gates.judged import Judgement, judgements
from eval.gates.promotion import promote, roll_back
from eval.gates.promotions import Promotions, read_promotions
from eval.report.contents import read_json
from eval.report.pages.environment import bounds, number
from eval.scoring.shown_metrics import shown_metrics
from parley.config.command_line import argument, run
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import read_manifest
from parley.pipeline.newest import artifacts
from parley.pipeline.progress import say

COLOURS: Final = {"promoted": "green", "failed": "red", "withdrawn": "yellow"}


@dataclass(frozen=True)
class Arguments:
    """Which run, and what is to be done."""

    run: str = argument("the run")
    runs_root: str = argument("folder of the runs", "runs")
    report: str = argument("promote this report: its fingerprint, or how that begins", "")
    rollback: bool = argument("go back to what was promoted before", False)
    reason: str = argument("why, for the record of the rollback", "by hand")


def main(arguments: Arguments) -> None:
    """List, promote or roll back."""
    run_dir = Path(arguments.runs_root) / arguments.run
    reports = artifacts(run_dir / "report")
    if not reports:
        raise InputError(f"{run_dir}: no finished report there; `python scripts/runs.py` lists the runs")
    if arguments.rollback and arguments.report:
        raise InputError("report=... promotes and rollback=true goes back: give one of them")
    if arguments.rollback:
        state = roll_back(run_dir, arguments.reason)
        say(f"{arguments.run}: report {state.now.report} is promoted again; {state.withdrawn[-1].report} is withdrawn")
    elif arguments.report:
        say(f"{arguments.run}: {promote(run_dir, chosen(reports, arguments.report))}")
    else:
        Console().print(table(run_dir, reports))


def chosen(reports: list[Path], beginning: str) -> Path:
    """The one report whose fingerprint begins so.

    Raises:
        InputError: none does, or several.
    """
    found = [report for report in reports if report.name.startswith(beginning)]
    if len(found) != 1:
        names = ", ".join(report.name for report in reports)
        raise InputError(f"report={beginning}: {len(found)} reports begin so; there are {names}")
    return found[0]


def table(run_dir: Path, reports: list[Path]) -> Table:
    """Every report, the oldest first: state, models with their figures, gates."""
    shown = Table("report", "finished (UTC)", "state", "models", "gates", box=None)
    promotions, judged = read_promotions(run_dir), judgements(run_dir)
    for report in sorted(reports, key=lambda each: read_manifest(each).finished):
        state = state_of(report.name, promotions, judged.get(report.name))
        colour = COLOURS.get(state.partition(" ")[0], "default")
        models = "\n".join(figures(read_json(report / REPORT)))
        finished = read_manifest(report).finished[:19].replace("T", " ")
        shown.add_row(report.name, finished, f"[{colour}]{escape(state)}[/]", models, gates(judged.get(report.name)))
    return shown


def state_of(report: str, promotions: Promotions | None, judgement: Judgement | None) -> str:
    """What a report is to the run, in a word or two."""
    if promotions and promotions.now.report == report:
        return f"promoted {promotions.now.promoted[:10]}"
    if promotions and (known := promotions.withdrawal(report)):
        return f"withdrawn {known.withdrawn[:10]}: {known.reason}"
    if promotions and any(each.report == report for each in promotions.history):
        return "promoted before"
    return "not judged" if judgement is None else "failed" if judgement.failed else "passed"


def figures(report: Mapping[str, Any]) -> list[str]:
    """A line for each model: the leading metric with its interval, or the agreement of quality estimation."""
    lead = shown_metrics(report)[0]
    means = report.get("mean", {}).items()
    lines = [f"{name} {lead['label']} {_with_interval(mean, lead['name'], 1)}" for name, mean in means]
    qe = report.get("qe", {})
    parts = {"synthetic": qe.get("synthetic", {})} | qe.get("human", {})
    return lines + [f"qe {of} MCC {_with_interval(each, 'mcc', 3)}" for of, each in parts.items() if "mcc" in each]


def gates(judgement: Judgement | None) -> str:
    """Which failed, or how many held."""
    if judgement is None:
        return ""
    if judgement.failed:
        return f"failed: {', '.join(judgement.failed)}"
    outcomes = [gate["passed"] for gate in judgement.outcomes]
    return f"{outcomes.count(True)} held, {outcomes.count(None)} not judged"


def _with_interval(values: Mapping[str, Any], key: str, digits: int) -> str:
    interval = values.get(f"{key}_ci")
    return number(values[key], digits) + (f" ({bounds(interval, digits)})" if interval else "")


if __name__ == "__main__":
    run(main, Arguments)
