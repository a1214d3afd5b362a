"""A listing of runs: every attempt at a stage, when it began, how it ended.

python scripts/runs.py [run=demo] [state=failed] [last=50] [json=true]
"""

import json as json_format
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parley.config.command_line import argument, run
from parley.pipeline.registry import AttemptRow, RunRegistry, State

COLOURS: Final[dict[State, str]] = {"running": "cyan", "done": "green", "failed": "red", "killed": "yellow"}


@dataclass(frozen=True)
class Arguments:
    """Which attempts are listed, and how."""

    runs_root: str = argument("folder of the runs", "runs")
    run: str | None = argument("only this run", None)
    state: Literal["running", "done", "failed", "killed"] | None = argument("only attempts in this state", None)
    last: int = argument("at most so many, the newest ones; 0 for all", 50)
    json: bool = argument("JSON lines on stdout, in place of the table (also --json)", False)


def main(arguments: Arguments) -> None:
    """Print the attempts, oldest first."""
    attempts = RunRegistry(Path(arguments.runs_root)).attempts(arguments.run)
    chosen = [attempt for attempt in attempts if arguments.state in (None, attempt.state)][-arguments.last :]
    if arguments.json:
        for attempt in chosen:
            print(json_format.dumps(asdict(attempt), ensure_ascii=False))
    elif chosen:
        Console().print(table(chosen))
    else:
        print(f"no such attempts under {arguments.runs_root}/")


def table(attempts: list[AttemptRow]) -> Table:
    """The attempts as a table for the terminal."""
    shown = Table("run", "stage", "fingerprint", "state", "started (UTC)", "seconds", "error", box=None)
    for attempt in attempts:
        colour = COLOURS[attempt.state]
        seconds = "" if attempt.seconds is None else f"{attempt.seconds:,.1f}"
        started = attempt.started[:19].replace("T", " ")
        state = f"[{colour}]{attempt.state}[/]"
        row = (attempt.run, attempt.stage, attempt.fingerprint, state, started, seconds, escape(attempt.error or ""))
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    run(main, Arguments, argv=["json=true" if word == "--json" else word for word in sys.argv[1:]])
