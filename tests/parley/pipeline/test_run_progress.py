"""The line of a whole run: what stages took before says how much is left."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from parley.pipeline import progress
from parley.pipeline.attempt import Attempt
from parley.pipeline.run_progress import LONG, SHORT, RunProgress, expected_seconds
from parley.pipeline.runner import make_plan, run_stages
from parley.pipeline.stage import Stage
from tests.parley.pipeline.example_stages import Count, CountConfig, Hungry, Join, Part, SquaresConfig


def stages() -> list[Stage]:
    count = Count(CountConfig())
    return [count, Hungry(SquaresConfig()), Join(Part(), {"count": count})]


def test_expects_what_this_run_took_then_another_then_a_guess(tmp_path: Path) -> None:
    plan = make_plan(stages(), tmp_path / "demo")
    registry = next(iter(plan.jobs.values())).registry
    for run, seconds, state in [("demo", 40.0, "done"), ("other", 7.0, "done"), ("demo", 3.0, "failed")]:
        registry.finish(registry.start(run, "count", "f"), state, seconds)
    assert list(expected_seconds(list(plan.jobs.values())).values()) == [40.0, LONG, SHORT]


def test_one_line_with_the_time_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, clock = io.StringIO(), [100.0]
    monkeypatch.setattr(progress, "console", Console(file=text, force_terminal=False, width=100))
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    jobs = make_plan(stages(), tmp_path / "demo").jobs
    hungry, join = list(jobs)[1:]
    bar = RunProgress(3, list(jobs.values()))
    attempt = Attempt(jobs[hungry])
    attempt.started()
    clock[0] += 45
    bar.show([join], {hungry: attempt})
    assert text.getvalue() == "1 of 3 stages: 60/180 (33%), 1.3/s, 90 s left\n"
    clock[0] += 1000
    bar.show([], {hungry: attempt})  # takes longer than expected: it is never said to be done
    assert bar.done == 2 * SHORT + 0.95 * LONG


def test_a_run_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parley.pipeline.executors.serial import InProcess

    shown: list[tuple[str, float]] = []
    monkeypatch.setattr(RunProgress, "advance", lambda bar, amount: shown.append((bar.description, amount)))
    run_stages(stages(), tmp_path / "demo", InProcess())
    assert shown[0][0] == "1 of 3 stages"
    assert shown[-1][0] == "3 of 3 stages"
