"""The scheduled form gates and promotes: what it says, the exit code, and what later runs are compared with."""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from eval.gates import promotion
from eval.gates.promotion import promote, roll_back
from eval.report.pages.site import PAGES, write_pages
from eval.scoring.message_scores import score_messages
from eval.stored_outputs import OUTPUTS, SCORES, StoredOutputs
from eval.testsets.outputs import write_table
from parley.config.composition import compose_config
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import git_state, hardware
from parley.pipeline.stage import Stage
from scripts import graph
from scripts.pipeline import main
from scripts.run_config import RunConfig
from tests.eval.planted import damaged, evidence, planted, rows

STRICT = ["gates.rules.mean_chrf='mean.chrf >= 99'"]


@dataclass(frozen=True)
class Quality:
    """How bad the outputs into French are."""

    damage: float = 0.0


class Report(Stage[Quality]):
    """A report of made-up outputs, as the real stage leaves it."""

    name = "report"
    published = ("report.json", OUTPUTS, SCORES, *PAGES)

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        share = self.config.damage
        lines = planted(rows(), lambda pair, _, row: damaged(row, share) if pair == "en-fr" else row["hypothesis"])
        found = evidence(lines, "demo")
        assert found.outputs is not None
        stored = StoredOutputs(found.outputs.outputs, score_messages(found.outputs.outputs, None))
        report = dict(found.report) | {
            "systems": {},
            "run": {"name": "demo", "git": git_state(), "hardware": hardware()},
        }
        write_json(out / "report.json", report)
        write_table(out / OUTPUTS, stored.outputs)
        write_table(out / SCORES, stored.messages)
        write_pages(out, report, stored)
        return {}


@pytest.fixture
def quality(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Change `damage` to have another model."""
    values = {"damage": 0.0}
    monkeypatch.setattr(graph, "stages", lambda config: [Report(Quality(**values))])
    return values


def run(tmp_path: Path, *words: str, gates: str = "relative") -> int:
    """The exit code."""
    ticking = [] if "tick=false" in words else ["tick=true"]
    given = ["experiment=demo_teacher", "name=demo", f"runs_root={tmp_path}", f"gates={gates}", *ticking, *words]
    config = compose_config(RunConfig, "pipeline", given)
    try:
        main(config)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def softer(regressions: int) -> list[str]:
    """Limits that let so many directions get worse."""
    rules = f"promoted.regressions <= {regressions}", "promoted.mean_loss <= 9"
    return [f"gates.rules.regressions='{rules[0]}'", f"gates.rules.mean_loss='{rules[1]}'"]


def promoted(tmp_path: Path) -> dict[str, Any] | None:
    path = tmp_path / "demo/promoted.json"
    return json.loads(path.read_text()) if path.exists() else None


def shown(tmp_path: Path) -> dict[str, Any]:
    found = json.loads((tmp_path / "demo/report/report.json").read_text())
    assert isinstance(found, dict)
    return found


def test_a_tick_promotes_compares_stops_and_goes_on(
    tmp_path: Path, quality: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0  # the first: nothing to compare with
    first = promoted(tmp_path)
    assert first is not None
    assert (first["history"], first["withdrawn"]) == ([], [])
    assert "is promoted" in capsys.readouterr().err
    assert "comparison" not in shown(tmp_path)
    assert {gate["name"]: gate["passed"] for gate in shown(tmp_path)["gates"]} == {
        "empty": True,
        "looping": True,
        "mean_loss": None,
        "regressions": None,
        "short_messages": None,
    }

    assert run(tmp_path) == 0  # nothing due
    assert capsys.readouterr().err == "demo: nothing due\n"

    quality["damage"] = 0.2  # a worse model
    assert run(tmp_path) == 2
    text = capsys.readouterr().err
    assert "gate regressions: FAILED, teacher promoted.regressions (en-fr) 1, limit <= 0" in text
    assert "gates failed; nothing is promoted" in text
    assert promoted(tmp_path) == first
    assert shown(tmp_path)["comparison"]["systems"]["teacher"]["worse"] == ["en-fr"]
    assert "en-fr" in (tmp_path / "demo/report/index.html").read_text(encoding="utf-8")
    assert run(tmp_path) == 0  # nothing due
    capsys.readouterr()

    assert run(tmp_path, *softer(1)) == 0  # softer limits
    second = promoted(tmp_path)
    assert second is not None
    assert second["history"] == [{key: first[key] for key in first if key not in ("history", "withdrawn")}]

    assert run(tmp_path, *softer(2)) == 0
    assert promoted(tmp_path) == second  # judged again against the one before it, not against itself
    assert shown(tmp_path)["comparison"]["baseline"]["report"] == first["report"]


def test_what_is_rolled_back_no_tick_promotes_again(
    tmp_path: Path, quality: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path)
    first = promoted(tmp_path)
    quality["damage"] = 0.1
    assert run(tmp_path, *softer(9)) == 0
    second = promoted(tmp_path)
    assert first is not None
    assert second is not None
    roll_back(tmp_path / "demo", "slow")
    capsys.readouterr()
    assert run(tmp_path, *softer(9)) == 0
    assert "nothing due" in capsys.readouterr().err  # it was judged against the first before
    assert run(tmp_path, *softer(8)) == 0
    assert "was withdrawn" in capsys.readouterr().err
    assert promoted(tmp_path)["report"] == first["report"]  # type: ignore[index]
    quality["damage"] = 0.3
    run(tmp_path)
    assert shown(tmp_path)["comparison"]["baseline"]["report"] == first["report"]
    quality["damage"] = 0.1
    promote(tmp_path / "demo", tmp_path / "demo/report" / second["report"])
    assert promoted(tmp_path)["withdrawn"] == []  # type: ignore[index]


def test_a_tick_promotes_nothing_that_was_judged_against_another_promotion(
    tmp_path: Path, quality: dict[str, float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody rolls back while a tick judges."""
    run(tmp_path)
    quality["damage"] = 0.1
    run(tmp_path, *softer(9))
    decide = promotion.decide_report

    def interrupted(*given: Any) -> Any:
        decision = decide(*given)
        roll_back(tmp_path / "demo", "meanwhile")
        return decision

    quality["damage"] = 0.12
    with monkeypatch.context() as patch:
        patch.setattr(promotion, "decide_report", interrupted)
        assert run(tmp_path, *softer(9)) == 0
    assert "judged against another promotion" in capsys.readouterr().err
    assert promoted(tmp_path)["history"] == []  # type: ignore[index]
    assert run(tmp_path, *softer(9)) == 0
    assert "is promoted" in capsys.readouterr().err


def test_a_plain_run_says_and_leaves_promotion_to_the_tick(
    tmp_path: Path, quality: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "tick=false", *STRICT, gates="demo") == 0
    assert "gate mean_chrf: FAILED" in capsys.readouterr().err
    assert run(tmp_path, "tick=false", *STRICT, "gates.enforce=always", gates="demo") == 2
    assert run(tmp_path, *STRICT, "gates.enforce=never", gates="demo") == 0
    assert promoted(tmp_path) is None
    assert run(tmp_path) == 0
    assert promoted(tmp_path) is not None


def test_without_gates_nothing_is_judged_or_promoted(tmp_path: Path, quality: dict[str, float]) -> None:
    assert run(tmp_path, gates="none") == 0
    assert promoted(tmp_path) is None
    assert "gates" not in shown(tmp_path)


def test_a_lost_baseline_is_one_line(tmp_path: Path, quality: dict[str, float]) -> None:
    run(tmp_path)
    pointer = promoted(tmp_path)
    assert pointer is not None
    write_json(tmp_path / "demo/promoted.json", pointer | {"report": "gone"})
    quality["damage"] = 0.1
    with pytest.raises(InputError, match="which is gone"):
        run(tmp_path)
    (tmp_path / "demo/promoted.json").write_text("{}")
    with pytest.raises(InputError, match="not a promotion"):
        run(tmp_path)


def test_a_tick_promotes_what_a_plain_run_judged(tmp_path: Path, quality: dict[str, float]) -> None:
    assert run(tmp_path, "tick=false") == 0
    assert promoted(tmp_path) is None
    assert run(tmp_path) == 0
    assert promoted(tmp_path) is not None


class Killed(BaseException):
    """A kill -9: nothing below may catch it."""


def killed_at(renames: int) -> Callable[[Any, Any], None]:
    """`os.replace` that never returns from its `renames`-th call."""
    real, left = os.replace, iter(range(renames))

    def replace(draft: Any, path: Any) -> None:
        real(draft, path)
        if next(left, None) is None:
            raise Killed

    return replace


@pytest.mark.slow
def test_whatever_a_kill_leaves_the_next_tick_finishes(
    tmp_path: Path, quality: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Publishing, judging and promoting are a row of renames; a tick is killed after each of them."""
    run(tmp_path, "tick=false", gates="none")
    report = next((tmp_path / "demo/report").glob("*/manifest.json")).parent.name
    whole = shutil.copytree(tmp_path / "demo", tmp_path / "whole")
    for renames in count():
        shutil.rmtree(tmp_path / "demo")
        shutil.copytree(whole, tmp_path / "demo")
        (tmp_path / "demo/report/index.html").unlink()
        with monkeypatch.context() as patch, suppress(Killed):
            patch.setattr(os, "replace", killed_at(renames))
            run(tmp_path)
            break
        assert run(tmp_path) == 0
        pointer = promoted(tmp_path)
        assert pointer is not None
        assert pointer["report"] == report
        assert "gates" in shown(tmp_path)
        assert "gates" in (tmp_path / "demo/report/index.html").read_text(encoding="utf-8").lower()
    assert renames > 10


def test_a_tick_is_due_while_a_published_file_is_missing(
    tmp_path: Path, quality: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    (tmp_path / "demo/report/index.html").unlink()
    assert run(tmp_path) == 0
    assert "gates" in (tmp_path / "demo/report/index.html").read_text(encoding="utf-8").lower()
    capsys.readouterr()
    assert run(tmp_path) == 0
    assert "nothing due" in capsys.readouterr().err


def test_a_clock_that_jumps_changes_nothing(
    tmp_path: Path, quality: dict[str, float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Back by decades, then far ahead, between ticks: what is newer is known by the order of promotions."""
    reports = []
    for years, damage in ((0, 0.2), (-25, 0.1), (70, 0.0)):
        quality["damage"] = damage
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda real=time.time, years=years: real() + years * 365 * 86400)
            assert run(tmp_path) == 0
            capsys.readouterr()
            assert run(tmp_path) == 0
            assert "nothing due" in capsys.readouterr().err
        pointer = promoted(tmp_path)
        assert pointer is not None
        assert [each["report"] for each in pointer["history"]] == reports
        reports.append(pointer["report"])
    assert run(tmp_path) == 0
    assert "nothing due" in capsys.readouterr().err
    roll_back(tmp_path / "demo", "the last one")
    assert promoted(tmp_path)["report"] == reports[1]  # type: ignore[index]


def test_small_losses_do_not_add_up(tmp_path: Path, quality: dict[str, float]) -> None:
    """A ratchet: each step is within the limit of the last promoted, the third is far from the best."""
    loose = ["gates.rules.mean_loss='promoted.mean_loss <= 3'", "gates.rules.regressions='promoted.regressions <= 9'"]
    codes = []
    for step in range(3):
        quality["damage"] = 0.12 * step
        codes.append(run(tmp_path, *loose))
    gates = {gate["name"]: gate for gate in shown(tmp_path)["gates"]}
    pointer = promoted(tmp_path)
    assert pointer is not None
    assert codes == [0, 0, 2]
    assert "against the best so far" in gates["mean_loss"]["note"]
    assert pointer["history"][0]["mean"] > shown(tmp_path)["mean"]["teacher"]["chrf"]
