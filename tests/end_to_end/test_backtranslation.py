"""Back-translation as a user runs it: a round in a whole run, and a sweep over the ratio, at toy size."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.toy_run import THREE_LANGUAGES, overrides, script

pytestmark = pytest.mark.slow
CHANGES = THREE_LANGUAGES | {
    "backtranslation.pairs": "[fr-th]",
    "backtranslation.uses": "[back]",
    "backtranslation.candidates": 40,
    "backtranslation.generation.max_tokens": 12,
    "backtranslation.filter.accept": "all",
    "backtranslation.training.max_updates": 8,
    "backtranslation.training.warmup_updates": 2,
    "backtranslation.adoption.dev_messages": 2,
}


def words(root: Path, *more: str) -> list[str]:
    return ["experiment=backtranslation_ratio", f"runs_root={root}", *overrides(CHANGES), *more]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of runs, with a sweep that is done."""
    root = tmp_path_factory.mktemp("runs")
    done = script("pipeline", "-m", *words(root, "backtranslation.ratio=0.5,2"))
    assert done.returncode == 0, done.stderr
    assert "job 2 of 2: backtranslation.ratio=2" in done.stderr
    return root


def told(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_report_tells_of_the_round(root: Path) -> None:
    report = told(root / "backtranslation_ratio/report/report.json")
    found = report["backtranslation"]
    assert set(found["pairs"]) == {"fr-th", "th-fr"}
    assert {"without", "with", "delta_ci"} <= found["pairs"]["fr-th"].keys()
    [only] = found["rounds"]
    assert only["compared_with"] == "control"
    assert only["pairs"]["fr-th"]["accepted"] > 0
    assert {"teacher", "teacher_no_bt"} <= report["mean"].keys()
    with_rounds = report["pairs"]["fr-th"]["systems"]["teacher"]["chrf"]
    assert found["pairs"]["fr-th"]["with"] == pytest.approx(with_rounds)


def test_a_sweep_runs_shared_stages_once_and_sums_up(root: Path) -> None:
    run = root / "backtranslation_ratio"
    made = {stage.name: len(list(stage.glob("*/manifest.json"))) for stage in run.iterdir() if stage.is_dir()}
    assert {made[name] for name in ("corpus", "teacher", "generated_1", "synthetic_1", "control_1")} == {1}
    assert made["round_1"] == 2
    jobs = told(run / "sweep/sweep.json")["jobs"]
    assert [job["overrides"] for job in jobs] == [[f"backtranslation.ratio={ratio}"] for ratio in (0.5, 2)]
    used = [job["rounds"][0]["ratio"]["used"] for job in jobs]
    assert used[1] > 2 * used[0] > 0
    assert all((run / "sweep" / job["report"]).is_file() for job in jobs)
    assert len(told(run / "sweep/report.json")["backtranslation"]["sweep"]) == 2
    assert (run / "sweep/index.html").is_file()


def test_nothing_is_run_twice(root: Path) -> None:
    again = script("pipeline", *words(root, "backtranslation.ratio=2"))
    assert again.returncode == 0, again.stderr
    assert "running" not in again.stderr


def test_a_word_with_commas_needs_the_flag(root: Path) -> None:
    done = script("pipeline", *words(root, "backtranslation.ratio=0.5,2"))
    assert done.returncode == 1
    assert "asked for with -m" in done.stderr
