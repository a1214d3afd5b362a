"""Runs: only what is missing, resume after kill -9, failures that leave nothing, two runs at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.executors.serial import InProcess
from parley.pipeline.manifest import read_manifest
from parley.pipeline.registry import RunRegistry
from parley.pipeline.runner import make_plan, run_stages
from parley.pipeline.stage import Stage
from tests.parley.pipeline.example_stages import Count, CountConfig, Join, KeepingCount, Part

ROOT = Path(__file__).resolve().parents[3]


def run(stages: list[Stage], run_dir: Path) -> dict[str, Path]:
    return run_stages(stages, run_dir, InProcess())


def start(run_dir: Path, steps: int, delay: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.parley.pipeline.count_run", str(run_dir), str(steps), str(delay)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_runs_inputs_first_and_hands_over_their_folders(tmp_path: Path) -> None:
    count = Count(CountConfig(steps=2))
    done = run([Join(Part(), {"count": count})], tmp_path / "r")
    assert (done["join"] / "joined.txt").read_text() == "count=2"
    assert read_manifest(done["join"]).inputs == {"count": done["count"].name}


def test_one_class_several_times_under_names_of_their_own(tmp_path: Path) -> None:
    first = Count(CountConfig(steps=1), name="count_1")
    second = Count(CountConfig(steps=2), {"before": first}, name="count_2")
    done = run([Join(Part(), {"a": first, "b": second})], tmp_path / "r")
    assert (done["join"] / "joined.txt").read_text() == "a=1 b=2"
    assert sorted(path.name for path in (tmp_path / "r").iterdir() if path.is_dir()) == ["count_1", "count_2", "join"]
    assert read_manifest(done["count_2"]).stage == "count_2"
    with pytest.raises(InputError, match="have one name"):
        make_plan([Count(CountConfig(steps=1), name="x"), Count(CountConfig(steps=2), name="x")], tmp_path / "r")


def test_second_run_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run([Count(CountConfig())], tmp_path / "r")["count"]
    before = (first / "step-0").read_text()
    again = run([Count(CountConfig(delay=1.0))], tmp_path / "r")["count"]  # delay is transient
    assert (again, (again / "step-0").read_text()) == (first, before)
    assert "up to date" in capsys.readouterr().err


def test_manifest_tells_how_the_stage_came_about(tmp_path: Path) -> None:
    source = tmp_path / "words.txt"
    source.write_text("a b c")
    folder = run([Count(CountConfig(source=str(source)))], tmp_path / "r")["count"]
    manifest = read_manifest(folder)
    assert manifest.facts == {"resumed_at": 0, "steps": 3}
    assert manifest.config["part"] == {"width": 2, "workers": 1}
    assert list(manifest.files) == [str(source)]
    assert manifest.versions["python"] == sys.version.split()[0]
    assert manifest.hardware["cores"] >= 1
    assert manifest.attempts == 1
    assert "running" in (folder / "stage.log").read_text()


def test_published_files_lie_where_people_look(tmp_path: Path) -> None:
    run([Count(CountConfig(steps=1))], tmp_path / "r")
    assert (tmp_path / "r/count/shown.txt").read_text() == "1 steps"
    run([Count(CountConfig(steps=2))], tmp_path / "r")
    assert (tmp_path / "r/count/shown.txt").read_text() == "2 steps"


def test_failed_stage_leaves_nothing_and_is_registered(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 3"):
        run([Count(CountConfig(fail_at=2))], tmp_path / "r")
    assert list((tmp_path / "r/count").iterdir()) == []
    (attempt,) = RunRegistry(tmp_path).attempts()
    assert (attempt.state, attempt.run, attempt.stage) == ("failed", "r", "count")
    assert attempt.error == "InputError: row 3 of words.tsv is not valid UTF-8"


def test_stage_with_checkpoints_keeps_its_work_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        run([KeepingCount(CountConfig(fail_at=2, error="bug"))], tmp_path / "r")
    folder = run([KeepingCount(CountConfig())], tmp_path / "r")["keeping"]
    assert read_manifest(folder).facts["resumed_at"] == 2
    assert read_manifest(folder).attempts == 2


def test_full_disk_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the disk is full: cannot write .*partial"):
        run([Count(CountConfig(fail_at=1, error="full disk"))], tmp_path / "r")
    assert list((tmp_path / "r/count").iterdir()) == []


def test_checks_come_before_any_work(tmp_path: Path) -> None:
    good = Count(CountConfig(steps=2))
    bad = KeepingCount(CountConfig(steps=-1))
    with pytest.raises(InputError, match="negative"):
        run([good, Join(Part(), {"good": good, "bad": bad})], tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_missing_outside_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*gone\.tsv: No such file"):
        run([Count(CountConfig(source=str(tmp_path / "gone.tsv")))], tmp_path / "r")


def test_two_stages_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one name"):
        make_plan([Count(CountConfig(steps=1)), Count(CountConfig(steps=2))], tmp_path / "r")


def test_killed_run_resumes_from_its_partial_folder(tmp_path: Path) -> None:
    process = start(tmp_path / "r", steps=6, delay=0.15)
    wait_for(lambda: len(list(tmp_path.glob("r/count/*.partial/step-*"))) >= 2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert make_plan([Count(CountConfig(steps=6))], tmp_path / "r").due  # not taken for finished
    assert RunRegistry(tmp_path).attempts()[0].state == "killed"
    again = start(tmp_path / "r", steps=6, delay=0.0)
    _, errors = again.communicate(timeout=30)
    assert again.returncode == 0
    assert "going on with the work of an earlier attempt" in errors
    (folder,) = tmp_path.glob("r/count/????????????????")
    assert read_manifest(folder).facts["resumed_at"] >= 2
    assert read_manifest(folder).attempts == 2


def test_interrupted_run_keeps_its_work(tmp_path: Path) -> None:
    process = start(tmp_path / "r", steps=200, delay=0.15)
    wait_for(lambda: len(list(tmp_path.glob("r/count/*.partial/step-*"))) >= 2)
    process.send_signal(signal.SIGINT)
    process.wait()
    assert RunRegistry(tmp_path).attempts()[0].state == "killed"
    assert list(tmp_path.glob("r/count/*.partial/step-1"))


def test_two_runs_at_once_do_the_work_once(tmp_path: Path) -> None:
    processes = [start(tmp_path / "r", steps=4, delay=0.2) for _ in range(2)]
    errors = [process.communicate(timeout=30)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [attempt.state for attempt in RunRegistry(tmp_path).attempts()] == ["done"]
    assert sum(": running" in text for text in errors) == 1


def test_other_processes_of_a_launch_follow_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = []
    for rank in ("1", "0"):
        monkeypatch.setenv("RANK", rank)
        processes.append(start(tmp_path / "r", steps=2, delay=0.1))
    assert [process.wait(timeout=30) for process in processes] == [0, 0]
    assert len(RunRegistry(tmp_path).attempts()) == 1
