"""Makes room: removes old artifacts of runs, but for what is promoted, new, or needed by what is kept.

    python scripts/prune.py                                  shows what would go; removes nothing
    python scripts/prune.py delete=true
    python scripts/prune.py run="sweep-*" keep=0 days=30     of these runs alone

Kept are the promoted report, the one before it and the best one with all their stages, the newest of each stage, what
is young, and all that any of these was made of. A run that is in use is left alone.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from eval.gates.promotions import read_promotions
from parley.config.command_line import argument, run
from parley.pipeline.atomic import discard, remove_drafts
from parley.pipeline.errors import InputError
from parley.pipeline.in_use import alone
from parley.pipeline.lock import HeldError
from parley.pipeline.progress import say
from parley.pipeline.pruning import Rule, Runs, size


@dataclass(frozen=True)
class Arguments:
    """The rule, and whether it is applied."""

    runs_root: str = argument("folder of the runs", "runs")
    run: str = argument("only runs of this name; a pattern such as sweep-*", "*")
    keep: int = argument("how many of each stage of a run are kept, the newest ones", 3)
    days: float = argument("what was finished in so many days before the newest is kept", 7.0)
    delete: bool = argument("remove; otherwise it is only shown", False)

    def __post_init__(self) -> None:
        if self.keep < 0 or self.days < 0:
            raise InputError("keep and days must be at least 0")


def main(arguments: Arguments) -> None:
    """Show what would go, or remove it."""
    root = Path(arguments.runs_root).resolve()
    runs = sorted(path for path in root.glob(arguments.run) if path.is_dir())
    if not runs:
        raise InputError(f"run={arguments.run}: no such run under {arguments.runs_root}/")
    with ExitStack() as held:
        free = [run_dir for run_dir in runs if is_free(run_dir, held)]
        found = Runs(root).old(Rule(arguments.keep, arguments.days), promoted(root))
        old = [path for path in found if path.parents[1] in free]
        if old:
            Console().print(table(old))
        freed = f"{size(old) / 1e9:,.2f} GB"
        for path in old if arguments.delete else ():
            remove_drafts(path.parent)  # of a prune that was killed
            discard(path)
    say(f"{freed} removed" if arguments.delete else f"{freed} would go; nothing was removed, delete=true does it")


def is_free(run_dir: Path, held: ExitStack) -> bool:
    """Whether nobody is at work in a run; it stays so until the stack is closed."""
    try:
        held.enter_context(alone(run_dir))
    except HeldError:
        say(f"{run_dir.name}: in use, left alone")
        return False
    return True


def promoted(runs_root: Path) -> Iterator[Path]:
    """Artifacts of what is promoted in any run, what was before, and the best: reports, and all that they name."""
    for run_dir in runs_root.iterdir():
        if run_dir.is_dir() and (state := read_promotions(run_dir)):
            for each in (state.now, *state.history[-1:], *state.compared_with("")):
                yield run_dir / "report" / each.report
                yield from (run_dir / stage / fingerprint for stage, fingerprint in each.stages.items())


def table(old: list[Path]) -> Table:
    """What goes, with its size."""
    shown = Table("run", "stage", "fingerprint", "MB", box=None)
    for path in old:
        shown.add_row(path.parents[1].name, path.parent.name, path.name, f"{size([path]) / 1e6:,.1f}")
    return shown


if __name__ == "__main__":
    run(main, Arguments)
