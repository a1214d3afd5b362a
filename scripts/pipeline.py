"""A whole run, resumable: corpus, tokenizer, encoded store, teacher, evaluation, report.

    python scripts/pipeline.py experiment=demo
    python scripts/pipeline.py experiment=game_chat_small data.root=FOLDER
    python scripts/pipeline.py experiment=demo +tick=true       scheduled: runs what is due, exits 0

Finished stages are never run again; a killed run goes on from its last checkpoint with the same command.
"""

import signal
import sys
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this file would hide the package `pipeline`

from pipeline.executors import make_executor
from pipeline.lock import HeldError, locked
from pipeline.progress import say
from pipeline.runner import make_plan, run_stages
from scripts.command_line import run
from scripts.run_config import RunConfig


def main(config: RunConfig) -> None:
    """Run what is missing of the run that the config describes."""
    signal.signal(signal.SIGTERM, _stop)
    (tick if config.tick else run_all)(config)


def run_all(config: RunConfig) -> None:
    """Resolve the graph, run it, and say where the report is."""
    from scripts.graph import stages

    run_dir = Path(config.runs_root) / config.name
    folders = run_stages(stages(config), run_dir, make_executor(config.executor, run_dir / "jobs"))
    say(f"report: {folders['report'].parent / 'index.html'}")


def tick(config: RunConfig) -> None:
    """Run what is due, unless another tick is at it."""
    from scripts.graph import stages

    run_dir = Path(config.runs_root) / config.name
    try:
        with locked(run_dir / "tick.lock", wait=False):
            if make_plan(stages(config), run_dir).due:
                run_all(config)
            else:
                say(f"{config.name}: nothing due")
    except HeldError:
        say(f"{config.name}: another tick holds the lock; nothing to do")


def _stop(number: int, frame: FrameType | None) -> None:
    """Let a terminated run end like an interrupted one: its work is kept and the registry is told."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    run(main, RunConfig, config_name="pipeline")
