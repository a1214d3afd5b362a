"""deploy/: what can be told of container file, CronJob, service and timer without a cluster or a daemon."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from parley.config.composition import compose_config
from scripts.run_config import RunConfig

ROOT: Final = Path(__file__).resolve().parents[1]
DEPLOY: Final = ROOT / "deploy"


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(DEPLOY / name)
    return found


def cronjob() -> dict[str, Any]:
    found = yaml.safe_load((DEPLOY / "cronjob.yaml").read_text())
    assert isinstance(found, dict)
    return found


def instructions() -> dict[str, str]:
    text = re.sub(r"\\\n", " ", (DEPLOY / "Containerfile").read_text())
    return {line.split()[0]: line.partition(" ")[2] for line in text.splitlines() if line[:1].isupper()}


def words(told: list[str]) -> list[str]:
    return [word for word in told if "=" in word]


@pytest.mark.parametrize(
    "told",
    [
        words(cronjob()["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]),
        words(shlex.split(unit("parley-tick.service")["Service"]["ExecStart"])),
        json.loads(instructions()["CMD"]),
    ],
    ids=["CronJob", "service", "container"],
)
def test_each_calls_a_tick_that_the_config_knows(told: list[str]) -> None:
    config = compose_config(RunConfig, "pipeline", told)
    assert config.tick


def test_the_job_neither_starts_twice_nor_again_after_a_gate_failed() -> None:
    spec = cronjob()["spec"]
    job = spec["jobTemplate"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "Never")
    container = job["template"]["spec"]["containers"][0]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts.keys() == {each["name"] for each in job["template"]["spec"]["volumes"]}
    assert f"runs_root={mounts['runs']}" in container["args"]
    assert f"data.root={mounts['data']}" in container["args"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_kubectl_knows_every_field() -> None:
    """`--local` asks no cluster: what the type of a CronJob lacks is lost on the way."""
    file = str(DEPLOY / "cronjob.yaml")
    command = ["kubectl", "set", "image", "--local", "-f", file, "tick=other", "-o", "json"]
    seen = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)

    def within(ours: Any, theirs: Any) -> bool:
        if isinstance(ours, dict):
            return all(key in theirs and within(value, theirs[key]) for key, value in ours.items())
        if isinstance(ours, list):
            return len(ours) == len(theirs) and all(map(within, ours, theirs))
        return bool(ours == theirs)

    written = cronjob()
    written["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    assert within(written, seen)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for name in ("parley-tick.service", "parley-tick.timer"):
        text = (DEPLOY / name).read_text().replace("/opt/parley/.venv/bin/python", sys.executable)
        (tmp_path / name).write_text(text.replace("/opt/parley", str(ROOT)))
    command = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_starts_the_pipeline_itself() -> None:
    found = instructions()
    assert json.loads(found["ENTRYPOINT"]) == ["python", "scripts/pipeline.py"]
    assert found["USER"] == "parley"
    assert (ROOT / "pyproject.toml").read_text().count("requires-python") == 1
    assert found["FROM"] == "python:3.11-slim"
