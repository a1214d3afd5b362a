"""A whole run, resumable: corpus, tokenizer, encoded store, teacher, evaluation, report.

    python scripts/pipeline.py experiment=demo
    python scripts/pipeline.py experiment=game_chat_small data.root=FOLDER
    python scripts/pipeline.py experiment=demo +tick=true       scheduled: runs what is due, gates, promotes
    python scripts/pipeline.py -m experiment=backtranslation_ratio backtranslation.ratio=0.5,1,2    one run each

Finished stages are never run again; a killed run goes on from its last checkpoint with the same command. Exit codes: 0
done or nothing due, 1 bad input, 2 a gate failed (`gates.enforce`).
"""

import signal
from pathlib import Path
from types import FrameType
from typing import Final

from parley.config.command_line import run
from parley.pipeline.executors.executor import Executor, make_executor
from parley.pipeline.executors.serial import InProcess
from parley.pipeline.in_use import in_use
from parley.pipeline.job import launched, rank
from parley.pipeline.lock import HeldError, locked
from parley.pipeline.progress import say
from parley.pipeline.runner import Plan, make_plan, run_plan
from scripts.run_config import RunConfig

GATE_FAILED: Final = 2  # exit code


def main(config: RunConfig) -> None:
    """Run what is missing of the run that the config describes."""
    signal.signal(signal.SIGTERM, _stop)
    if config.tick:
        tick(config)
    else:
        run_all(config)


def multirun(jobs: list[tuple[list[str], RunConfig]]) -> None:
    """Run the jobs one after the other; what they have in common is run once. Then sum them up."""
    from scripts.sweep import summarise, varied

    signal.signal(signal.SIGTERM, _stop)
    several, done = varied([words for words, _ in jobs]), []
    for number, (words, config) in enumerate(jobs, start=1):
        say(f"job {number} of {len(jobs)}: {' '.join(word for word in words if word in several)}")
        done.append((words, config, run_all(config)))
    summarise(done)


def run_all(config: RunConfig) -> Path:
    """Resolve the graph, run it, hold the gates against the report; returns the folder of that."""
    plan, report = planned(config)
    run_planned(config, plan, report)
    return report


def planned(config: RunConfig) -> tuple[Plan, Path]:
    """All jobs of a run, and the folder of its report.

    Raises:
        InputError: files that are not there, or resources that do not fit a stage.
    """
    from scripts.graph import stages

    told = stages(config)
    plan = make_plan(told, run_dir(config))
    for stage in plan.jobs:
        config.executor.resources(stage)
    return plan, plan.jobs[told[-1]].folder


def run_planned(config: RunConfig, plan: Plan, report: Path) -> None:
    """Run what is due of a plan, hold the gates against the report, and say where it is."""
    from eval.gates.judged import forget_decision

    with in_use(run_dir(config)):
        forget_decision(run_dir(config))  # what is published anew is judged anew, whoever does it
        run_plan(plan, executor(config))
        say(f"report: {report.parent / 'index.html'}")
        if rank() == 0:
            gate(config, report)


def executor(config: RunConfig) -> Executor:
    """What the config names; the processes that `torchrun` started are all there is for a run of their own."""
    if launched() > 1:
        return InProcess()
    return make_executor(config.executor, run_dir(config) / "jobs", config.plugins)


def run_dir(config: RunConfig) -> Path:
    """Folder of the run."""
    return Path(config.runs_root) / config.name


def tick(config: RunConfig) -> None:
    """Run what is due, unless another tick is at it."""
    from eval.gates.promotion import is_decided

    try:
        with locked(run_dir(config) / "tick.lock", wait=False):
            plan, report = planned(config)
            if not plan.finished:
                run_planned(config, plan, report)
            elif config.gates.rules and not is_decided(run_dir(config), report, config.gates):
                gate(config, report)  # the limits changed, only a plain run was here, or a tick was killed
            else:
                say(f"{config.name}: nothing due")
    except HeldError:
        say(f"{config.name}: another tick holds the lock; nothing to do")


def gate(config: RunConfig, report: Path) -> None:
    """Judge a finished report; a tick promotes it when every gate holds.

    Raises:
        SystemExit: code `GATE_FAILED` when a gate fails and the config enforces it.
    """
    from eval.gates.outcomes import verdict_line
    from eval.gates.promotion import decide_report, promote
    from eval.gates.promotions import read_promotions

    folder = run_dir(config)
    if not config.gates.rules and read_promotions(folder) is None:
        return
    decision = decide_report(folder, report, config.gates)
    for outcome in decision.gates:
        say(verdict_line(outcome))
    for finding in decision.findings[:3]:
        say(f"finding {finding['rank']}: {finding['title']}")
    if decision.failed:
        say(f"{config.name}: {len(decision.failed)} of {len(decision.gates)} gates failed; nothing is promoted")
        if config.gates.enforce == "always" or (config.gates.enforce == "tick" and config.tick):
            raise SystemExit(GATE_FAILED)
    elif config.tick and config.gates.rules:
        say(f"{config.name}: {promote(folder, report, config.gates)}")


def _stop(number: int, frame: FrameType | None) -> None:
    """Let a terminated run end like an interrupted one: its work is kept and the registry is told."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    run(main, RunConfig, config_name="pipeline", sweep=multirun)
