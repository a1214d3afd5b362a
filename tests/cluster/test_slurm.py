"""Stages as jobs of a real SLURM: arrays, a job killed in a shard, a gang of tasks. `make test-cluster` runs this."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.executors.config import ExecutorConfig, Resources
from parley.pipeline.executors.executor import make_executor
from parley.pipeline.manifest import read_manifest
from parley.pipeline.registry import RunRegistry
from parley.pipeline.runner import run_stages
from parley.pipeline.stage import Stage
from tests.parley.pipeline.example_stages import (
    Count,
    CountConfig,
    Gang,
    Join,
    KeepingCount,
    Part,
    Squares,
    SquaresConfig,
)

SCRIPT = Path(__file__).with_name("slurm.sh")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
MISSING = [name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)}: apt-get install slurm-wlm munge"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start the daemons of SLURM"),
]


@pytest.fixture(scope="module", autouse=True)
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cluster of this machine with four processors."""
    pytest.importorskip("submitit", reason="submitit is not installed: extra [slurm]")
    folder = tmp_path_factory.mktemp("slurm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin")
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        subprocess.run([SCRIPT, "start", folder], check=True)
        yield
        subprocess.run([SCRIPT, "stop", folder], check=True)


def run(stages: list[Stage], folder: Path, **resources: Resources) -> dict[str, Path]:
    config = ExecutorConfig(kind="slurm", cores=4, minutes=5, stages=resources)
    return run_stages(stages, folder / "r", make_executor(config, folder / "r/jobs"))


def test_a_job_killed_in_a_shard_costs_that_shard_alone(tmp_path: Path) -> None:
    trouble = Squares(SquaresConfig(trouble="killed", marks=str(tmp_path)))
    with pytest.raises(InputError, match=r"stage squares, shard 0002: [\s\S]*log: .*\.err"):
        run([trouble], tmp_path)
    assert [path.name for path in sorted(tmp_path.glob("r/squares/*.partial/shards/0???"))] == ["0000", "0004"]
    done = run([trouble], tmp_path)["squares"]
    assert (done / "squares.txt").read_text() == "0\n1\n4\n9\n16\n25\n"
    assert {path.name for path in tmp_path.glob("0*-*")} == {"0000-0", "0002-0", "0002-1", "0004-0"}
    assert [attempt.state for attempt in RunRegistry(tmp_path).attempts()] == ["failed", "done"]


def test_stages_are_jobs_of_their_own(tmp_path: Path) -> None:
    counts = {name: Count(CountConfig(steps=2), name=name) for name in ("a", "b")}
    done = run([Join(Part(), counts)], tmp_path)
    assert (done["join"] / "joined.txt").read_text() == "a=2 b=2"
    assert len(list(tmp_path.glob("r/jobs/*_submitted.pkl"))) == 3


def test_a_gang_is_the_tasks_of_one_job(tmp_path: Path) -> None:
    done = run([Gang(Part())], tmp_path, gang=Resources(processes=2))["gang"]
    assert {path.name for path in done.glob("rank-*")} == {"rank-0-of-2", "rank-1-of-2"}


@pytest.mark.parametrize(
    ("trouble", "says"),
    [({"error": "input"}, r"^row 3 of words\.tsv"), ({"error": "bug"}, r"^stage count: .*a bug.*log: .*\.err")],
)
def test_what_went_wrong_comes_back(trouble: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        run([Count(CountConfig(fail_at=0, **trouble))], tmp_path)


@pytest.mark.parametrize("end", ["cancelled", "killed"])
def test_a_job_that_left_no_answer_is_over(end: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Cancelled by hand, or its task killed as for memory, on a cluster without accounting."""
    stage = KeepingCount(CountConfig(steps=40, delay=0.2))
    watcher = Thread(target=_end_after_the_first_step, args=(tmp_path, end))
    watcher.start()
    with pytest.raises(InputError, match=r"^stage keeping: its job was killed \(log: .*\.err\)$"):
        run([stage], tmp_path)
    watcher.join()
    assert "sacct" not in capfd.readouterr().err
    done = run([stage], tmp_path)["keeping"]
    assert read_manifest(done).facts["resumed_at"] > 0


def _end_after_the_first_step(folder: Path, end: str) -> None:
    while not (steps := list(folder.glob("r/keeping/*.partial/step-0"))):
        time.sleep(0.1)
    if end == "cancelled":
        subprocess.run(["scancel", "--name=parley-keeping"], check=True)
    else:
        [process] = re.findall(r"process (\d+)", (steps[0].parent / "stage.log").read_text())
        os.kill(int(process), signal.SIGKILL)


def test_a_gang_ends_when_one_of_its_tasks_fails(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(InputError, match=r"^width is 0$"):
        run([Gang(Part(width=0))], tmp_path, gang=Resources(processes=2))
    assert time.monotonic() - started < 60
    for _ in range(20):
        listed = subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True).stdout
        if not listed:
            return
        time.sleep(1)
    raise AssertionError(f"still queued: {listed}")
