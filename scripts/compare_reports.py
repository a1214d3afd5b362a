"""Compare two evaluations direction by direction: what became worse or better, and is it more than chance.

    python scripts/compare_reports.py before=runs/demo/report after=DIR [out=comparison.json] [fail_on_regression=true]

Each is a report.json, the folder of one, or a run's folder. Where both have the same messages the test is the paired
bootstrap, otherwise unpaired; p-values are corrected for testing all directions. Exit codes: 0 done, 1 bad input,
2 a direction is significantly worse (with fail_on_regression=true).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from parley.config.command_line import argument, run

if TYPE_CHECKING:
    from rich.table import Table

REGRESSED: Final = 2  # exit code
COLOURS: Final = {"worse": "red", "better": "green", "same": "default"}


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    before: str = argument("report to compare with: report.json, its folder, or a run's folder")
    after: str = argument("report that is compared")
    out: str = argument("JSON file for the whole comparison; none when empty", default="")
    show: Literal["significant", "all", "none"] = argument("directions in the table", default="significant")
    correction: Literal["holm", "benjamini_hochberg", "none"] = argument("for testing all directions", default="holm")
    alpha: float = argument("level of significance after the correction", default=0.05)
    metric: str = argument("registered metric; empty for the one the second report tests with", default="")
    margin: float = argument("points that a significant difference must exceed to count", default=0.0)
    samples: int = argument("bootstrap samples", default=20_000)
    seed: int = argument("of the bootstrap", default=1)
    findings: bool = argument("let the analyzers look into what is worse", default=True)
    fail_on_regression: bool = argument("exit with code 2 when a direction is significantly worse", default=False)


def main(arguments: Arguments) -> None:
    """Compare, print, write.

    Raises:
        InputError: a report that cannot be read, or two that share no system.
        SystemExit: code `REGRESSED`.
    """
    from rich.console import Console

    from eval.analyzers.investigation import investigate, questions
    from eval.comparison import ComparisonConfig, compare
    from eval.evidence import load_evidence
    from parley.pipeline.atomic import write_json
    from parley.pipeline.errors import InputError

    config = ComparisonConfig(
        arguments.samples, arguments.seed, arguments.alpha, arguments.correction, arguments.margin
    )
    paths = (arguments.before, arguments.after)
    before, after = (load_evidence(Path(path), metric=arguments.metric) for path in paths)
    found: dict[str, Any] = {"baseline": {"name": before.name}} | compare(before, after, config)
    if not found["systems"]:
        names = f"{', '.join(before.systems)} there, {', '.join(after.systems)} here"
        raise InputError(f"{arguments.before} and {arguments.after} share no system: {names}")
    findings = investigate(questions(after, before, found, [], {})) if arguments.findings else []
    console = Console()
    for system, entry in found["systems"].items():
        console.print(summary(system, entry, after.metric.label), markup=False, highlight=False, soft_wrap=True)
        chosen = directions_shown(entry, arguments.show)
        if chosen:
            console.print(table(entry, chosen))
    for finding in findings:
        text = f"{finding['rank']}. {finding['title']} [{finding['analyzer']}, {finding['strength']:.2f}]"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    if arguments.out:
        write_json(Path(arguments.out), {"comparison": found, "findings": findings})
    if arguments.fail_on_regression and any(entry["worse"] for entry in found["systems"].values()):
        raise SystemExit(REGRESSED)


def summary(system: str, entry: dict[str, Any], label: str = "chrF") -> str:
    """One line per system: the mean and how many directions moved."""
    mean, pairs = entry["mean"], entry["pairs"]
    if not pairs:
        return f"{system}: no direction in common"
    low, high = mean["delta_ci"]
    tests = sorted({found["test"] for found in pairs.values()})
    moved = f"{len(entry['worse'])} of {len(pairs)} directions worse, {len(entry['better'])} better"
    change = f"{mean['before']:.2f} -> {mean['after']:.2f} ({mean['delta']:+.2f} [{low:+.2f}, {high:+.2f}])"
    return f"{system}: mean {label} {change}, {moved}; {', '.join(tests)} test"


def directions_shown(entry: dict[str, Any], show: str) -> list[str]:
    """Directions of the table, the largest losses first."""
    if show == "none":
        return []
    ranked = sorted(entry["pairs"], key=lambda direction: entry["pairs"][direction]["delta"])
    return [d for d in ranked if show == "all" or entry["pairs"][d]["verdict"] != "same"]


def table(entry: dict[str, Any], chosen: list[str]) -> "Table":
    """The directions as a table for the terminal."""
    from rich.table import Table

    shown = Table("direction", "verdict", box=None)
    for heading in ("before", "after", "delta", "95 % interval", "p", "p corrected", "messages"):
        shown.add_column(heading, justify="right")
    for direction in chosen:
        found = entry["pairs"][direction]
        low, high = found["delta_ci"]
        messages = f"{found['common']}" if found["test"] == "paired" else f"{found['n_before']}/{found['n_after']}"
        shown.add_row(
            direction,
            f"[{COLOURS[found['verdict']]}]{found['verdict']}[/]",
            *(
                f"{found['before']:.1f}",
                f"{found['after']:.1f}",
                f"{found['delta']:+.2f}",
                f"{low:+.2f} to {high:+.2f}",
            ),
            *(f"{found['p_value']:.4f}", f"{found['p_adjusted']:.4f}", f"{messages} {found['test']}"),
        )
    return shown


if __name__ == "__main__":
    run(main, Arguments)
