"""`scripts/pipeline.py` and `scripts/runs.py` as a user meets them, and the scheduled form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from parley.config.composition import compose_config
from parley.pipeline.lock import locked
from parley.pipeline.runner import make_plan
from scripts import graph
from scripts.run_config import RunConfig
from tests.parley.pipeline.example_stages import Count, CountConfig

ROOT = Path(__file__).resolve().parents[2]


def script(name: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def config(tmp_path: Path, *words: str) -> RunConfig:
    return compose_config(
        RunConfig, "pipeline", ["experiment=demo_teacher", "name=demo", f"runs_root={tmp_path}", *words]
    )


@pytest.fixture
def small_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph of one quick stage in place of the real one; it has no report that gates could judge."""

    monkeypatch.setattr(graph, "stages", lambda config: [Count(CountConfig(steps=2), name="report")])


def test_help_names_the_whole_runs(tmp_path: Path) -> None:
    done = script("pipeline", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "experiment=game_chat_small" in done.stdout
    assert "runs_root: where runs" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["experiment=dmo"], "did you mean demo?"),
        (["experiment=demo", "training.max_update=3"], "did you mean training.max_updates"),
        (["experiment=demo", "training.max_updates=many"], "training.max_updates: Value 'many'"),
        ([], "missing: name=...; or choose a whole run: experiment="),
    ],
)
def test_mistakes_are_one_line_and_leave_no_trace(words: list[str], message: str, tmp_path: Path) -> None:
    done = script("pipeline", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_transient_settings_leave_every_fingerprint_alone(tmp_path: Path) -> None:
    words = ["tracking.kind=tensorboard", "executor=slurm", "data.accept_changes=true", "training.log_every=7"]
    folders = [
        {job.folder for job in make_plan(graph.stages(config(tmp_path, *given)), tmp_path / "demo").jobs.values()}
        for given in ([], words)
    ]
    assert folders[0] == folders[1]
    assert {folder.parent.name for folder in folders[0]} >= {
        *("corpus", "tokenizer", "encoded", "teacher", "evaluation", "report"),
    }


@pytest.mark.usefixtures("small_graph")
def test_tick_runs_what_is_due_and_then_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from scripts.pipeline import main

    main(config(tmp_path, "+tick=true", "gates=none"))
    assert "report:" in capsys.readouterr().err
    main(config(tmp_path, "+tick=true", "gates=none"))
    assert capsys.readouterr().err == "demo: nothing due\n"


@pytest.mark.usefixtures("small_graph")
def test_tick_leaves_a_running_tick_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from scripts.pipeline import main

    with locked(tmp_path / "demo/tick.lock"):
        main(config(tmp_path, "+tick=true"))
    assert "another tick holds the lock" in capsys.readouterr().err
    assert not (tmp_path / "demo/report").exists()


@pytest.mark.usefixtures("small_graph")
def test_runs_lists_what_happened(tmp_path: Path) -> None:
    from scripts.pipeline import main

    assert script("runs", cwd=tmp_path).stdout == "no such attempts under runs/\n"
    main(config(tmp_path, "gates=none"))
    table = script("runs", f"runs_root={tmp_path}", cwd=tmp_path)
    assert "demo  report" in table.stdout
    lines = script("runs", f"runs_root={tmp_path}", "--json", cwd=tmp_path).stdout.splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["done"]
    assert script("runs", f"runs_root={tmp_path}", "state=failed", cwd=tmp_path).stdout.startswith("no such attempts")
