"""What befalls a run from outside: files that change, places that are closed, bookkeeping that is out of order."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parley.pipeline import registry
from parley.pipeline.contents import check_contents
from parley.pipeline.errors import InputError
from parley.pipeline.executors.serial import InProcess
from parley.pipeline.manifest import read_manifest
from parley.pipeline.registry import RunRegistry
from parley.pipeline.runner import run_stages
from parley.pipeline.stage import Shard, Stage
from tests.parley.pipeline.example_stages import Count, CountConfig, Squares, SquaresConfig

DAMAGED = "this is no database, but long enough to be taken for one by the library"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley.pipeline.registry.WAIT_SECONDS", 0.1)
    monkeypatch.setattr("parley.pipeline.fingerprint.WAIT_SECONDS", 0.1)
    registry._told.clear()


@pytest.fixture
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A database that another process has locked."""
    path = tmp_path / str(request.param)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    yield path
    database.close()


def run(stage: Stage[Any], run_dir: Path) -> Path:
    return run_stages([stage], run_dir, InProcess())[stage.name]


class ChangesItsInput(Count):
    """Somebody writes another text of the same length into the input while the stage runs."""

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        source = Path(self.config.source)
        source.write_text(source.read_text()[::-1])
        return super().run(out, inputs)


class ShardChangesTheInput(Squares):
    source = Path()

    def files(self) -> list[Path]:
        return [self.source]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        super().run_shard(shard, out, inputs)
        if shard.name == "0002":
            self.source.write_text(self.source.read_text()[::-1])


def test_an_input_that_changes_under_a_stage_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "words.txt"
    source.write_text("a b c")
    with pytest.raises(InputError, match=r"words\.txt changed while it was read; run again"):
        run(ChangesItsInput(CountConfig(source=str(source))), tmp_path / "r")
    assert list((tmp_path / "r/count").iterdir()) == []


def test_a_shard_of_a_changed_input_does_not_stay(tmp_path: Path) -> None:
    source = ShardChangesTheInput.source = tmp_path / "numbers.txt"
    source.write_text("1 2 3")
    with pytest.raises(InputError, match=r"shard 0002: .*numbers\.txt changed"):
        run(ShardChangesTheInput(SquaresConfig()), tmp_path / "r")
    assert [path.name for path in tmp_path.glob("r/squares/*.partial/shards/????")] == ["0000"]


def test_a_lost_manifest_is_named_before_anything_runs(tmp_path: Path) -> None:
    folder = run(Count(CountConfig()), tmp_path / "r")
    (folder / "manifest.json").unlink()
    before = (folder / "step-0").read_text()
    with pytest.raises(InputError, match=rf"{folder} has no manifest\.json, .*remove it, and run again"):
        run(Count(CountConfig()), tmp_path / "r")
    assert (folder / "step-0").read_text() == before
    shutil.rmtree(folder)
    assert run(Count(CountConfig()), tmp_path / "r") == folder


def test_drafts_of_a_killed_attempt_do_not_stay(tmp_path: Path) -> None:
    folder = run(Count(CountConfig()), tmp_path / "r")
    partial = folder.with_name(f"{folder.name}.partial")
    folder.rename(partial)
    (partial / "manifest.json").unlink()
    for draft in (partial / "lists/.de.bin.17.tmp", folder.parent / ".shown.txt.17.tmp"):
        draft.parent.mkdir(exist_ok=True)
        draft.write_text("half")
    run(Count(CountConfig()), tmp_path / "r")
    assert not list(tmp_path.rglob("*.tmp"))


class Killed(BaseException):
    """Nothing is tidied up after it."""


def killed(*_: Path) -> None:
    raise Killed


@pytest.mark.parametrize(
    ("name", "stops", "again"),
    [
        ("write_manifest", killed, 1),
        ("remove_shards", killed, 0),
        ("os", SimpleNamespace(replace=killed, environ=os.environ), 0),
    ],
)
def test_shards_are_done_once_whenever_the_end_of_a_stage_is_killed(
    name: str, stops: Any, again: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (marks := tmp_path / "marks").mkdir()
    stage = Squares(SquaresConfig(marks=str(marks)))
    merges: list[Path] = []
    monkeypatch.setattr(stage, "merge", lambda out, inputs: merges.append(out) or Squares.merge(stage, out, inputs))

    with monkeypatch.context() as patch:
        patch.setattr(f"parley.pipeline.job.{name}", stops)
        with pytest.raises(Killed):
            run(stage, tmp_path / "r")
    folder = run(stage, tmp_path / "r")
    assert len(list(marks.iterdir())) == 3
    assert len(merges) == 1 + again
    assert {path.name for path in folder.iterdir()} == {"squares.txt", "manifest.json", "stage.log"}
    check_contents(folder)


@pytest.mark.parametrize("held", ["registry.sqlite"], indirect=True)
def test_a_locked_registry_does_not_stop_work(held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(Count(CountConfig(), name="first"), tmp_path / "r")
    folder = run(Count(CountConfig(), name="second"), tmp_path / "r")
    assert read_manifest(folder).facts["steps"] == 3
    assert capsys.readouterr().err.count("cannot use the run registry") == 1


def test_a_damaged_registry_does_not_stop_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "registry.sqlite").write_text(DAMAGED)
    folder = run(Count(CountConfig()), tmp_path / "r")
    assert (folder / "step-2").exists()
    assert "remove it to begin a new one; the work goes on" in " ".join(capsys.readouterr().err.split())


def test_a_registry_that_is_damaged_inside_is_one_line(tmp_path: Path) -> None:
    run(Count(CountConfig()), tmp_path / "r")
    path = tmp_path / "registry.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 4096)
    with pytest.raises(InputError, match=r"registry\.sqlite: .*remove it to begin a new one"):
        RunRegistry(tmp_path).attempts()


@pytest.mark.parametrize("held", ["digests.sqlite"], indirect=True)
def test_locked_digests_do_not_stop_work(held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "words.txt"
    source.write_text("a b c d")
    run(Count(CountConfig(source=str(source))), tmp_path / "r")
    assert "files are read again" in capsys.readouterr().err


def test_damaged_digests_are_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, cache = tmp_path / "words.txt", tmp_path / "digests.sqlite"
    source.write_text("a b c d e")
    cache.write_text(DAMAGED)
    run(Count(CountConfig(source=str(source))), tmp_path / "r")
    assert "it is made anew" in capsys.readouterr().err
    source.write_text("f")
    run(Count(CountConfig(source=str(source))), tmp_path / "r")
    assert cache.read_bytes().startswith(b"SQLite format 3")


def test_a_runs_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(InputError, match=r"cannot write to .*runs/r/count: "):
        run(Count(CountConfig()), tmp_path / "runs/r")
