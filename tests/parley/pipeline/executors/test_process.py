"""Worker processes: shards spread over them, killed and resumed, the same bytes by any number of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.executors import machine
from parley.pipeline.executors.config import ExecutorConfig, Resources
from parley.pipeline.executors.executor import make_executor
from parley.pipeline.manifest import read_manifest
from parley.pipeline.registry import RunRegistry
from parley.pipeline.runner import run_stages
from parley.pipeline.stage import Stage
from parley.pipeline.unit import StageError
from tests.parley.pipeline.example_stages import Count, CountConfig, Gang, Hungry, Join, Part, Squares, SquaresConfig
from tests.parley.pipeline.marks import marks_of

ROOT = Path(__file__).resolve().parents[4]
SQUARES = "0\n1\n4\n9\n16\n25\n"


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this machine had three."""
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda process: {0, 1, 2})


def run(stages: list[Stage], run_dir: Path, /, **config: Any) -> dict[str, Path]:
    return run_stages(stages, run_dir, make_executor(ExecutorConfig(**config), run_dir / "jobs"))


def start(run_dir: Path, config: dict[str, Any], cores: int = 1) -> subprocess.Popen[str]:
    module = "tests.parley.pipeline.executors.squares_run"
    command = [sys.executable, "-m", module, str(run_dir), json.dumps(config), str(cores)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> Any:
    limit = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < limit
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_the_same_bytes_by_any_number_of_workers(cores: int, tmp_path: Path) -> None:
    done = run([Squares(SquaresConfig(delay=0.2, marks=str(tmp_path)))], tmp_path / "r", cores=cores)["squares"]
    assert (done / "squares.txt").read_text() == SQUARES
    assert sorted(path.name for path in done.iterdir()) == ["manifest.json", "squares.txt", "stage.log"]
    assert len({found["pid"] for name, found in marks_of(tmp_path).items()}) == cores
    assert os.getpid() not in {found["pid"] for found in marks_of(tmp_path).values()}


def test_a_worker_killed_in_a_shard_costs_that_shard_alone(tmp_path: Path) -> None:
    trouble = Squares(SquaresConfig(trouble="killed", marks=str(tmp_path)))
    with pytest.raises(InputError, match=r"stage squares, shard 0002: .*SIGKILL.*log: .*0002\.log"):
        run([trouble], tmp_path / "r", cores=1)
    assert [path.name for path in tmp_path.glob("r/squares/*.partial/shards/0???")] == ["0000"]
    done = run([trouble], tmp_path / "r", cores=1)["squares"]
    assert (done / "squares.txt").read_text() == SQUARES
    assert set(marks_of(tmp_path)) == {"0000-0", "0002-0", "0002-1", "0004-0"}
    assert read_manifest(done).attempts == 2


@pytest.mark.parametrize(("trouble", "error"), [("mistake", InputError), ("bug", StageError)])
def test_a_shard_that_fails_names_itself_and_its_log(trouble: Any, error: type[Exception], tmp_path: Path) -> None:
    config = SquaresConfig(trouble=trouble, marks=str(tmp_path), delay=0.2)
    with pytest.raises(error, match=r"stage squares, shard 0002: [\s\S]*log: .*0002\.log"):
        run([Squares(config)], tmp_path / "r", cores=3)
    (partial,) = tmp_path.glob("r/squares/*.partial")
    assert sorted(path.name for path in partial.glob("shards/0???")) == ["0000", "0004"]
    assert "Traceback" in (partial / "shards/0002.log").read_text()
    assert [attempt.state for attempt in RunRegistry(tmp_path).attempts()] == ["failed"]
    assert (run([Squares(config)], tmp_path / "r")["squares"] / "squares.txt").read_text() == SQUARES
    assert len(marks_of(tmp_path)) == 4


@pytest.mark.parametrize(("trouble", "says"), [("merge", "a bug of the merge"), ("disk", "the disk is full")])
def test_a_merge_that_fails_leaves_the_shards(trouble: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises((StageError, InputError), match=says):
        run([Squares(SquaresConfig(trouble=trouble, marks=str(tmp_path)))], tmp_path / "r")
    (partial,) = tmp_path.glob("r/squares/*.partial")
    assert sorted(path.name for path in partial.iterdir()) == ["shards", "stage.log"]
    done = run([Squares(SquaresConfig(marks=str(tmp_path)))], tmp_path / "r")["squares"]
    assert (done / "squares.txt").read_text() == SQUARES
    assert len(marks_of(tmp_path)) == 3


def test_independent_stages_run_side_by_side(tmp_path: Path) -> None:
    counts = {name: Count(CountConfig(steps=4, delay=0.25), name=name) for name in ("a", "b")}
    done = run([Join(Part(), counts)], tmp_path / "r", cores=2)
    times = [[int(path.read_text()) for path in sorted(done[name].glob("step-*"))] for name in counts]
    assert times[0][0] < times[1][-1]
    assert times[1][0] < times[0][-1]
    assert (done["join"] / "joined.txt").read_text() == "a=4 b=4"


def test_a_stage_begins_when_its_own_inputs_are_there(tmp_path: Path) -> None:
    slow = Count(CountConfig(steps=6, delay=0.4), name="slow")
    second = Count(CountConfig(steps=1), {"first": Count(CountConfig(steps=1), name="first")}, name="second")
    done = run([Join(Part(), {"slow": slow, "second": second})], tmp_path / "r", cores=2)
    assert int((done["second"] / "step-0").read_text()) < int((done["slow"] / "step-5").read_text())


@pytest.mark.parametrize(
    ("settings", "at_once", "threads"),
    [
        ({"cores": 3}, 3, "1"),
        ({"cores": 3, "memory_gb": 4.5}, 2, "1"),
        ({"cores": 3, "stages": {"squares": Resources(cores=2)}}, 1, "2"),
        ({"cores": 3, "stages": {"squares": Resources(memory_gb=10_000)}}, 1, "1"),
    ],
)
def test_cores_and_memory_are_kept_to(settings: Any, at_once: int, threads: str, tmp_path: Path) -> None:
    run([Squares(SquaresConfig(delay=0.3, marks=str(tmp_path)))], tmp_path / "r", **settings)
    found = marks_of(tmp_path).values()
    assert len({each["pid"] for each in found}) == at_once
    allowed = str(min(int(threads), int(os.environ.get("OMP_NUM_THREADS", threads))))
    assert {each["threads"] for each in found} == {allowed}


def test_a_stage_that_wants_the_machine_gets_all_of_it(tmp_path: Path) -> None:
    run([Hungry(SquaresConfig(delay=0.1, marks=str(tmp_path)))], tmp_path / "r")
    assert len({each["pid"] for each in marks_of(tmp_path).values()}) == 1
    assert {each["threads"] for each in marks_of(tmp_path).values()} == {os.environ.get("OMP_NUM_THREADS")}


def test_what_has_begun_is_finished_after_a_failure(tmp_path: Path) -> None:
    bad = Count(CountConfig(fail_at=0), name="bad")
    good = Count(CountConfig(steps=3, delay=0.3), name="good")
    after = Count(CountConfig(steps=1), {"good": good}, name="after")
    with pytest.raises(InputError, match=r"^row 3"):
        run([Join(Part(), {"bad": bad, "after": after})], tmp_path / "r", cores=2)
    states = {attempt.stage: attempt.state for attempt in RunRegistry(tmp_path).attempts()}
    assert states == {"bad": "failed", "good": "done"}


def test_a_gang_of_processes_and_its_mistakes(tmp_path: Path) -> None:
    settings: Any = {"stages": {"gang": Resources(processes=2)}}
    done = run([Gang(Part())], tmp_path / "r", **settings)["gang"]
    assert {path.name for path in done.glob("rank-*")} == {"rank-0-of-2", "rank-1-of-2"}
    with pytest.raises(InputError, match=r"^width is 0$"):
        run([Gang(Part(width=0))], tmp_path / "r", **settings)


def test_plugins_are_imported_in_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside_plugin.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()")
    monkeypatch.syspath_prepend(tmp_path)
    executor = make_executor(ExecutorConfig(), tmp_path / "jobs", ["outside_plugin"])
    run_stages([Count(CountConfig(steps=1))], tmp_path / "r", executor)
    assert (tmp_path / "imported").exists()


def test_nothing_outlives_a_killed_run(tmp_path: Path) -> None:
    process = start(tmp_path / "r", {"delay": 60, "marks": str(tmp_path)}, cores=2)
    found = wait_for(
        lambda: len(begun := list(tmp_path.glob("0*-0"))) >= 1 and all(p.read_text() for p in begun) and begun
    )
    workers = [json.loads(path.read_text())["pid"] for path in found]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(alive(pid) for pid in workers), 5)
    again = start(tmp_path / "r", {"marks": str(tmp_path)})
    assert again.wait(timeout=30) == 0
    (done,) = tmp_path.glob("r/squares/????????????????")
    assert (done / "squares.txt").read_text() == SQUARES


def test_ctrl_c_ends_the_workers_and_keeps_their_shards(tmp_path: Path) -> None:
    process = start(tmp_path / "r", {"delay": 0.5, "count": 40, "marks": str(tmp_path)})
    wait_for(lambda: list(tmp_path.glob("r/squares/*.partial/shards/0002")))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert RunRegistry(tmp_path).attempts()[0].state == "killed"
    assert not any(alive(each["pid"]) for each in marks_of(tmp_path).values())
    assert list(tmp_path.glob("r/squares/*.partial/shards/0000"))


def test_ctrl_c_in_a_terminal_reaches_the_run_alone(tmp_path: Path) -> None:
    process = start(tmp_path / "r", {"delay": 0.5, "count": 40, "marks": str(tmp_path)})
    wait_for(lambda: list(tmp_path.glob("0000-0")))
    worker = json.loads(wait_for(lambda: (tmp_path / "0000-0").read_text()))["pid"]
    assert os.getpgid(worker) != os.getpgid(process.pid)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert said.count("Traceback") == 1  # of this run, which has no command line that turns it into a line


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
