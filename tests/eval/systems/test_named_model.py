"""A run, or its stage, stands for what it has promoted, else for its newest model."""

import json
from pathlib import Path

import pytest

from eval.systems.named_model import ESTIMATES, named_model, told_model
from parley.pipeline.errors import InputError
from tests.parley.pipeline.test_newest import finished

MADE = ("teacher", "a"), ("round_1", "b"), ("student", "c"), ("student_no_kd", "d"), ("qe", "e"), ("teacher", "f")


def name(letter: str) -> str:
    return letter * 16


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    for day, (stage, letter) in enumerate(MADE):
        finished(tmp_path / "r" / stage, name(letter), f"2026-01-0{day + 1}")
    return tmp_path / "r"


def promote(run_dir: Path, system: str, stages: str = "abce") -> None:
    fingerprints = {stage: name(letter) for stage, letter in MADE if letter in stages}
    (run_dir / "promoted.json").write_text(json.dumps({"report": "x", "system": system, "stages": fingerprints}))


def test_the_newest_where_nothing_is_promoted(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert named_model(run_dir) == (run_dir / "teacher" / name("f"), "the newest")
    assert named_model(run_dir, ESTIMATES).path == run_dir / "qe" / name("e")
    assert named_model(run_dir / "teacher").path == run_dir / "teacher" / name("f")
    assert told_model(str(run_dir / "student")) == run_dir / "student" / name("c")
    assert capsys.readouterr().err == f"model: {run_dir}/student/{name('c')} (the newest)\n"


@pytest.mark.parametrize(
    ("system", "stages", "model"),
    [
        ("teacher", "abc", ("round_1", "b")),
        ("teacher", "ac", ("teacher", "a")),
        ("student_int8", "abc", ("student", "c")),
        ("student", "abc", ("student", "c")),
    ],
)
def test_the_promoted_one(run_dir: Path, system: str, stages: str, model: tuple[str, str]) -> None:
    promote(run_dir, system, stages)
    assert named_model(run_dir) == (run_dir / model[0] / name(model[1]), f"promoted as {system}")
    assert named_model(run_dir / "teacher") == (run_dir / "teacher" / name("a"), "promoted")
    assert named_model(run_dir, ESTIMATES).path == run_dir / "qe" / name("e")  # the only one, and not promoted


def test_a_folder_stands_for_itself(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    promote(run_dir, "teacher")
    for path in (run_dir / "teacher" / name("f"), run_dir / "nowhere", run_dir.parent):
        assert told_model(str(path)) == path
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("stages", [{"teacher": name("9")}, {"teacher": "../.."}, [], {"teacher": None}])
def test_a_promotion_of_what_is_gone_is_one_line(run_dir: Path, stages: object) -> None:
    (run_dir / "promoted.json").write_text(json.dumps({"report": "x", "system": "teacher", "stages": stages}))
    with pytest.raises(InputError, match=r"promoted\.json"):
        named_model(run_dir)
