"""scripts/promote.py: lists, promotes and rolls back; killed at any point the run has the old state or the new one."""

import json
import os
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from eval.gates.judged import Judgement, note
from eval.gates.promotions import read_promotions
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from scripts.promote import Arguments, main
from tests.eval.planted import evidence, rows
from tests.parley.pipeline.test_newest import finished
from tests.scripts.test_promotion import Killed, killed_at

FIRST, SECOND, FAILED, UNJUDGED = (letter * 16 for letter in "abcd")
GATE = {"name": "mean_chrf", "passed": True, "value": 1.0, "compare": ">=", "limit": 0.5, "note": ""}


def report_of(run_dir: Path, name: str, day: int) -> None:
    """A finished report with a teacher, a student and quality estimation of its own."""
    stages = dict.fromkeys(("teacher", "round_1", "student", "qe"), name)
    for stage in ("report", *stages):
        finished(run_dir / stage, name, f"2026-01-0{day}T00:00:00")
    means = {
        system: {"chrf": 70.0 + day, "chrf_ci": [69.0, 75.0], "directions": 6} for system in ("teacher", "student")
    }
    qe = {"synthetic": {"mcc": 0.5, "mcc_ci": [0.4, 0.6]}}
    known = dict(evidence(rows(messages=2)).report) | {
        "mean": means,
        "qe": qe,
        "run": {"name": "r", "fingerprints": stages},
    }
    write_json(run_dir / "report" / name / "report.json", known)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """Two reports that passed, one that failed, one that nobody judged."""
    folder = tmp_path / "r"
    for day, name in enumerate((FIRST, SECOND, FAILED, UNJUDGED), start=1):
        report_of(folder, name, day)
    note(folder, FIRST, Judgement([], "x", [GATE]))
    note(folder, SECOND, Judgement([], "x", [GATE]))
    note(folder, FAILED, Judgement([], "x", [GATE | {"passed": False}]))
    return folder


def promote(run_dir: Path, **given: Any) -> None:
    main(Arguments(run="r", runs_root=str(run_dir.parent), **given))


def state(run_dir: Path) -> tuple[str, list[str], list[str]]:
    """What is promoted, what was before, what is withdrawn."""
    found = read_promotions(run_dir)
    assert found is not None
    return found.now.report, [each.report for each in found.history], [each.report for each in found.withdrawn]


def test_promotes_rolls_back_and_promotes_again_by_hand(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    promote(run_dir, report="aa")
    promote(run_dir, report=SECOND)
    assert state(run_dir) == (SECOND, [FIRST], [])
    promote(run_dir, report=SECOND)
    assert "promoted already" in capsys.readouterr().err
    promote(run_dir, rollback=True, reason="slow on phones")
    assert state(run_dir) == (FIRST, [], [SECOND])
    text = json.loads((run_dir / "promoted.json").read_text())["withdrawn"][0]
    assert (text["reason"], text["withdrawn"][:2]) == ("slow on phones", "20")
    promote(run_dir, report=SECOND)
    assert state(run_dir) == (SECOND, [FIRST], [])


def test_refuses_what_failed_what_nobody_judged_and_a_way_back_that_is_not_there(run_dir: Path) -> None:
    for given, message in (
        ({"report": FAILED}, r"gates failed \(mean_chrf\)"),
        ({"report": UNJUDGED}, "never judged"),
        ({"report": "f"}, "0 reports begin so"),
        ({"report": ""} | {"rollback": True}, "no way back"),
        ({"report": FIRST, "rollback": True}, "give one of them"),
    ):
        with pytest.raises(InputError, match=message):
            promote(run_dir, **given)
    assert read_promotions(run_dir) is None
    with pytest.raises(InputError, match="no finished report"):
        main(Arguments(run="other", runs_root=str(run_dir.parent)))


def test_no_way_back_to_a_model_that_is_gone(run_dir: Path) -> None:
    promote(run_dir, report=FIRST)
    promote(run_dir, report=SECOND)
    shutil.rmtree(run_dir / "student" / FIRST)
    with pytest.raises(InputError, match="not a finished stage"):
        promote(run_dir, rollback=True)
    assert state(run_dir) == (SECOND, [FIRST], [])


def test_lists_every_report_with_models_and_gates(
    run_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    promote(run_dir, report=FIRST)
    promote(run_dir, report=SECOND)
    promote(run_dir, rollback=True, reason="slow")
    promote(run_dir)
    text = capsys.readouterr().out
    lines = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert "promoted 20" in lines[FIRST]
    assert "withdrawn 20" in lines[SECOND]
    assert ": slow" in lines[SECOND]
    assert "failed: mean_chrf" in lines[FAILED]
    assert "not judged" in lines[UNJUDGED]
    assert "teacher chrF 71.0 (69.0 to 75.0)" in lines[FIRST]
    assert "student chrF" in text
    assert "qe synthetic MCC 0.500 (0.400 to 0.600)" in text


@pytest.mark.parametrize("given", [{"report": SECOND}, {"rollback": True}])
def test_a_kill_leaves_the_old_state_or_the_new_one(
    run_dir: Path, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(run_dir, report=FIRST)
    if "rollback" in given:
        promote(run_dir, report=SECOND)
    before = state(run_dir)
    found = set()
    for renames in count():
        copy = shutil.copytree(run_dir, run_dir.parent / str(renames) / "r")
        with monkeypatch.context() as patch, suppress(Killed):
            patch.setattr(os, "replace", killed_at(renames))
            promote(copy, **given)
            break
        found.add(str(state(copy)))
    wanted = (FIRST, [], [SECOND]) if "rollback" in given else (SECOND, [FIRST], [])
    assert renames == 4  # three cards and the state
    assert found == {str(before), str(wanted)}


def test_every_model_gets_its_card(run_dir: Path) -> None:
    promote(run_dir, report=SECOND)
    for stage in ("round_1", "student", "qe"):
        assert (run_dir / stage / SECOND / "README.md").read_text(encoding="utf-8").startswith("---\n")
    assert not (run_dir / "teacher" / SECOND / "README.md").exists()  # the round holds the teacher that ships
    assert not (run_dir / "student" / FIRST / "README.md").exists()


def test_a_run_with_quality_estimation_alone(run_dir: Path) -> None:
    file = run_dir / "report" / FIRST / "report.json"
    alone = {"pairs": {}, "qe": {"synthetic": {"mcc": 0.5}}, "run": {"name": "r", "fingerprints": {"qe": FIRST}}}
    write_json(file, alone)
    promote(run_dir, report=FIRST)
    found = read_promotions(run_dir)
    assert found is not None
    assert (found.now.system, found.now.mean, found.now.models) == ("qe", None, {"qe": "qe"})
    promote(run_dir, report=SECOND)
    assert state(run_dir) == (SECOND, [FIRST], [])
