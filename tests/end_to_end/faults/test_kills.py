"""Kill -9 at random moments of every stage, and the same command again: the files of an undisturbed run.

`make test-faults` is the long form; FAULT_KILLS says how many kills.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.end_to_end.faults.fault_run import ROOT, command, contents, different, manifests, run

Kill = tuple[str, float]  # stage, seconds after it began


def plan_kills(root: Path, kills: int, seed: int = 1) -> list[list[Kill]]:
    """Kills for each of several runs, every stage in turn, at a random moment of its seconds in the run at `root`."""
    draw = random.Random(seed)
    stages = [(manifest.stage, manifest.seconds) for manifest in manifests(root).values()]
    chosen = [stages[number % len(stages)] for number in range(kills)]
    if kills < len(stages):
        chosen = sorted(draw.sample(stages, kills), key=stages.index)
    timed = [(stage, draw.uniform(0, seconds)) for stage, seconds in chosen]
    return [timed[start : start + len(stages)] for start in range(0, kills, len(stages))]


def disturbed(root: Path, kills: Sequence[Kill], *, all_rooms: bool) -> None:
    """A run that is killed so often, then left alone."""
    for stage, seconds in kills:
        process = subprocess.Popen(command(root, all_rooms=all_rooms), cwd=ROOT, stderr=subprocess.DEVNULL)
        begun = root / "faults" / stage
        while process.poll() is None and not list(begun.glob("*")):
            time.sleep(0.005)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = run(root, all_rooms=all_rooms)
    assert done.returncode == 0, done.stderr


def check(tmp_path: Path, kills: int, *, all_rooms: bool) -> None:
    whole = run(tmp_path / "whole", all_rooms=all_rooms)
    assert whole.returncode == 0, whole.stderr
    expected = contents(tmp_path / "whole")
    for number, planned in enumerate(plan_kills(tmp_path / "whole", kills)):
        root = tmp_path / f"killed-{number}"
        disturbed(root, planned, all_rooms=all_rooms)
        assert different(contents(root), expected) == [], planned
        assert not [path for path in root.rglob("*") if path.suffix in (".tmp", ".partial")], planned


@pytest.mark.slow
def test_three_kills(tmp_path: Path) -> None:
    check(tmp_path, 3, all_rooms=False)


@pytest.mark.faults
@pytest.mark.timeout(0)
def test_many_kills_over_all_rooms(tmp_path: Path) -> None:
    check(tmp_path, int(os.environ.get("FAULT_KILLS", "60")), all_rooms=True)
