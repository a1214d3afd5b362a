"""scripts/prune.py: what goes, what stays, and that a run in use is left alone."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from eval.gates.promotions import Promotion, Promotions, write_promotions
from parley.pipeline import registry
from parley.pipeline.errors import InputError
from parley.pipeline.in_use import in_use
from parley.pipeline.lock import locked
from parley.pipeline.manifest import Manifest, write_manifest
from parley.pipeline.registry import RunRegistry, lock_path
from scripts.prune import Arguments, main
from tests.scripts.test_promotion import Killed, killed_at

GENERATIONS = 5


def name(letter: str, stage: str = "report") -> str:
    return letter * 15 + str(("corpus", "teacher", "report", "qe").index(stage))


def finished(folder: Path, day: int, inputs: dict[str, str], files: dict[str, str] | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"x" * 1000)
    time = f"2026-01-{day:02d}T00:00:00+00:00"
    stage = folder.parent.name
    write_manifest(folder, Manifest(stage, 1, folder.name, {}, inputs, files or {}, {}, 1.0, 1, time))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Five corpora, each with its teacher and report, a day apart."""
    for day, letter in enumerate("abcde"[:GENERATIONS], start=1):
        finished(tmp_path / "r/corpus" / name(letter, "corpus"), day, {})
        finished(tmp_path / "r/teacher" / name(letter, "teacher"), day, {"data": name(letter, "corpus")})
        finished(tmp_path / "r/report" / name(letter), day, {"teacher": name(letter, "teacher")})
    return tmp_path


def promoted(letter: str, mean: float = 1.0) -> Promotion:
    stages = {stage: name(letter, stage) for stage in ("corpus", "teacher")}
    return Promotion(name(letter), "r", "teacher", stages, "2026-01-06", mean)


def left(runs: Path, stage: str = "report", run: str = "r") -> str:
    return "".join(sorted(path.name[0] for path in (runs / run / stage).iterdir()))


def prune(runs: Path, keep: int = 1, days: float = 0, delete: bool = True, run: str = "*") -> None:
    main(Arguments(str(runs), run, keep, days, delete))


def test_it_shows_first(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prune(runs, delete=False)
    out, err = capsys.readouterr()
    assert left(runs) == "abcde"
    assert len([line for line in out.splitlines() if " report " in line and name("a") in line]) == 1
    assert "0.00 GB would go; nothing was removed" in err
    prune(runs)
    assert (left(runs), left(runs, "teacher"), left(runs, "corpus")) == ("e", "e", "e")


def test_what_is_promoted_was_before_and_is_best_stays(runs: Path) -> None:
    history = (promoted("a", 9.0), promoted("b"), promoted("c"))
    write_promotions(runs / "r", Promotions(promoted("d"), history))
    prune(runs, keep=0)
    assert (left(runs), left(runs, "teacher"), left(runs, "corpus")) == ("acd", "acd", "acd")


def test_the_newest_and_the_young_stay_with_what_they_were_made_of(runs: Path) -> None:
    finished(runs / "r/report" / name("f"), 6, {"teacher": name("a", "teacher")})
    prune(runs, keep=0, days=1.5)
    assert (left(runs), left(runs, "teacher"), left(runs, "corpus")) == ("ef", "ae", "ae")
    prune(runs, keep=1)
    assert (left(runs), left(runs, "teacher"), left(runs, "corpus")) == ("f", "ae", "ae")


def test_what_another_run_was_made_of_stays(runs: Path) -> None:
    file = str(runs / "r/teacher" / name("b", "teacher") / "weights")
    finished(runs / "other/qe" / name("f"), 5, {}, {file: "digest"})
    prune(runs, run="r")
    assert (left(runs, "teacher"), left(runs, "corpus")) == ("be", "be")


@pytest.mark.parametrize("year", [1999, 2099])
def test_a_clock_that_jumped_makes_nothing_old(runs: Path, year: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley.pipeline.pruning.now", lambda: f"{year}-01-01T00:00:00+00:00")
    prune(runs, keep=0, days=10)
    assert left(runs) == "abcde"


def test_one_that_was_finished_in_the_future_makes_nothing_old(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = Manifest("report", 1, name("f"), {}, {}, {}, {}, 1.0, 1, "2099-01-01T00:00:00+00:00")
    (runs / "r/report" / name("f")).mkdir()
    write_manifest(runs / "r/report" / name("f"), manifest)
    monkeypatch.setattr("parley.pipeline.pruning.now", lambda: "2026-01-06T00:00:00+00:00")
    prune(runs, keep=0, days=10)
    assert left(runs) == "abcdef"


def test_a_run_in_use_is_left_alone(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for lock in (
        in_use(runs / "r"),
        locked(lock_path(runs / "r/teacher" / name("f", "teacher"))),
        locked(runs / "r/tick.lock"),
    ):
        with lock:
            prune(runs)
        assert "r: in use, left alone" in capsys.readouterr().err
    assert left(runs) == "abcde"


def test_work_that_nobody_went_on_with_goes(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day, letter in ((1, "1"), (5, "2")):
        monkeypatch.setattr(registry, "now", lambda day=day: f"2026-01-{day:02d}T00:00:00+00:00")
        RunRegistry(runs).start("r", "teacher", name(letter, "teacher"))
        (runs / "r/teacher" / f"{name(letter, 'teacher')}.partial").mkdir()
    prune(runs, keep=9, days=2)
    assert left(runs, "teacher") == "2abcde"


def test_a_kill_leaves_artifacts_whole_or_gone(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(os, "replace", killed_at(0))
        prune(runs)
    whole = [path for path in (runs / "r").glob("*/*") if len(path.name) == 16]
    assert len(whole) == 3 * GENERATIONS - 1
    assert all((path / "manifest.json").is_file() and (path / "weights").is_file() for path in whole)
    prune(runs)
    assert left(runs, "corpus") == "e"


def test_bytes_of_files_with_two_names_count_once_both_go(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(runs / "r")
    first = finished(runs / "r/teacher" / name("a", "teacher"), 1, {})
    second = finished(runs / "r/teacher" / name("b", "teacher"), 2, {})
    (second / "weights").unlink()
    (first / "weights").write_bytes(b"x" * 5_000_000)
    os.link(first / "weights", second / "weights")
    prune(runs, delete=False)
    assert "0.00 GB" in capsys.readouterr().err
    prune(runs, keep=0, delete=False)
    assert "0.01 GB" in capsys.readouterr().err


def test_refuses_a_run_that_is_not_there_and_limits_below_zero(runs: Path) -> None:
    with pytest.raises(InputError, match="no such run"):
        prune(runs, run="nobody")
    with pytest.raises(InputError, match="at least 0"):
        Arguments(keep=-1)
