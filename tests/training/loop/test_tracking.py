"""Trackers in their offline modes, for real; and nothing secret in what they are given."""

import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.secrets import HIDDEN
from tests.training.toy_task import toy_trainer
from training.loop import tracking
from training.loop.config import TrackingConfig
from training.loop.tracking import Tracker, check_tracking, public_values

SECRET = "hunter2-do-not-tell"


def _run(kind: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WANDB_API_KEY", SECRET)
    monkeypatch.setenv("COMET_API_KEY", SECRET)
    monkeypatch.setattr(sys, "argv", ["train.py", f"password={SECRET}"])
    toy_trainer(out, tracking=TrackingConfig(kind), max_updates=12, validate_every=6, log_every=3).train()
    return out / "tracking"


def _bytes(folder: Path) -> bytes:
    parts = []
    for path in folder.rglob("*"):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                parts += [archive.read(name) for name in archive.namelist()]
        elif path.is_file():
            parts.append(path.read_bytes())
    return b"\n".join(parts)


@pytest.mark.slow
def test_wandb_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    folder = _run("wandb", tmp_path, monkeypatch)
    written = list(folder.glob("wandb/offline-run-*/*.wandb"))
    assert len(written) == 1
    end = time.monotonic() + 60  # a process of wandb's own writes the file, after the run is told to finish
    while b"gradient_norm" not in _bytes(folder) and time.monotonic() < end:
        time.sleep(0.5)
    content = _bytes(folder)
    assert b"dev/loss" in content
    assert b"gradient_norm" in content
    assert SECRET.encode() not in content


@pytest.mark.slow
def test_comet_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("comet_ml")
    folder = _run("comet", tmp_path, monkeypatch)
    assert len(list(folder.glob("*.zip"))) == 1
    content = _bytes(folder)
    assert b"dev/loss" in content
    assert b"gradient_norm" in content
    assert SECRET.encode() not in content


@pytest.mark.slow
def test_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = _run("tensorboard", tmp_path, monkeypatch)
    events = EventAccumulator(str(next(folder.rglob("events.out.tfevents.*")).parent))
    events.Reload()
    assert [event.step for event in events.Scalars("dev/loss")] == [6, 12]
    assert [event.step for event in events.Scalars("train/loss")] == [3, 6, 9, 12]
    assert SECRET.encode() not in _bytes(folder)


def test_off_by_default(tmp_path: Path) -> None:
    toy_trainer(tmp_path, max_updates=2).train()
    assert not (tmp_path / "tracking").exists()


def test_a_run_keeps_its_identity_over_resumes(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    names = set()
    for _ in range(2):
        tracker = Tracker(TrackingConfig("tensorboard"), tmp_path, {"a": 1})
        tracker.start()
        tracker.log({"loss": 1.0, "broken": None}, 1)
        tracker.finish()
        names.add((tmp_path / "run.json").read_text())
    assert len(names) == 1


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    values = {"model": {"depth": 3, "api_key": "x"}, "url": f"https://me:{SECRET}@host", "update_tokens": 5, "ok": [1]}
    assert public_values(values) == {
        "model.depth": 3,
        "model.api_key": HIDDEN,
        "url": f"https://{HIDDEN}@host",
        "update_tokens": 5,
        "ok": "[1]",
    }


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs the package comet_ml"):
        check_tracking(TrackingConfig("comet"))


def test_an_unknown_tracker_lists_the_known() -> None:
    with pytest.raises(InputError, match="none, wandb, comet, tensorboard"):
        TrackingConfig("mlflow")


def test_settings_do_not_import_torch() -> None:
    code = "import sys, training.loop.config, training.loop.tracking; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


class Refusing:
    """A tracker of accelerate's that fails at one call and all after."""

    def __init__(self, at: str) -> None:
        self.at = at
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        def call(*values: object, **options: object) -> None:
            self.calls.append(name)
            if name == self.at:
                raise ConnectionError("no route\nto host")

        return call


@pytest.mark.parametrize("at", ["start", "store_init_configuration", "log", "finish"])
def test_a_tracker_out_of_reach_is_said_once_and_training_goes_on(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = Refusing(at)
    monkeypatch.setattr(tracking, "_open", lambda config, folder: inner)
    toy_trainer(tmp_path, tracking=TrackingConfig("wandb"), max_updates=4, log_every=2).train()
    said = [line for line in capsys.readouterr().err.splitlines() if "tracking" in line]
    assert said == ["tracking.kind=wandb fails, training goes on without it (ConnectionError: no route to host)"]
    assert inner.calls[-1] == at
    assert (tmp_path / "training_log.jsonl").is_file()


WITHOUT_NETWORK = """
import sys
from pathlib import Path
from tests.training.toy_task import toy_trainer
from training.loop import tracking
from training.loop.config import TrackingConfig
tracking = TrackingConfig(sys.argv[1], offline=False)
toy_trainer(Path(sys.argv[2]), tracking=tracking, max_updates=4, log_every=2).train()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wandb", "comet"])
def test_a_real_tracker_without_network(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip({"wandb": "wandb", "comet": "comet_ml"}[kind])
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("a process cannot be cut off from the network here")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("COMET_API_KEY", "k" * 25)
    command = ["unshare", "-n", sys.executable, "-c", WITHOUT_NETWORK, kind, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("training goes on without it") == 1
