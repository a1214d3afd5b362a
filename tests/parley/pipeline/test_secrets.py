"""Secrets are hidden in whatever is kept; everything else stays as it is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parley.pipeline.executors.serial import InProcess
from parley.pipeline.manifest import Manifest, write_manifest
from parley.pipeline.runner import run_stages
from parley.pipeline.secrets import HIDDEN, public
from parley.pipeline.stage import Stage

SECRET = "hf_abcdefghijklmnop"


def test_by_the_name_of_the_key() -> None:
    values = {"sources": [{"options": {"token": "x", "api_key": 17}}], "authorization": ["Bearer", "y"]}
    assert public(values) == {
        "sources": [{"options": {"token": HIDDEN, "api_key": HIDDEN}}],
        "authorization": HIDDEN,
    }


def test_by_the_value_of_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("SHORT_PASSWORD", "a")
    assert public({"note": f"with {SECRET}", "path": "data/a.tsv", "a": "a"}) == {
        "note": f"with {HIDDEN}",
        "path": "data/a.tsv",
        "a": HIDDEN,
    }


def test_users_of_addresses() -> None:
    assert public("https://me:pw@host/a b@c") == f"https://{HIDDEN}@host/a b@c"
    assert public("https://host/@me") == "https://host/@me"


def test_parameters_of_addresses() -> None:
    address = "https://host/a.parquet?version=2&{}=f1d2c3&part=1#top"
    for name in ("token", "access-token", "api_key", "X-Amz-Signature", "sig"):
        assert public(address.format(name)) == address.format(name).replace("f1d2c3", HIDDEN)
    assert public(address.format("sign")) == address.format("sign")


def test_the_rest_stays() -> None:
    values = {
        "token": None,
        "auth": True,
        "max_tokens": 3,
        "update_tokens": 5,
        "experts_per_token": 2,
        "tokens": {"en": 1.5},
        "rows": (1, 2),
    }
    assert public(values) == values | {"rows": [1, 2]}


@dataclass(frozen=True)
class Downloads:
    """What a stage is told that reads from elsewhere."""

    path: str
    options: dict[str, str]


class Download(Stage[Downloads]):
    name = "download"

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        (out / "facts.txt").write_text("one row")
        if not (seen := out.parents[1] / "seen").exists():
            seen.touch()
            raise ConnectionError(f"403 at {self.config.path} with {self.config.options}, {os.environ['HF_TOKEN']}")
        return {"from": self.config.path}


def test_a_run_that_fails_and_runs_again_keeps_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    address = "https://me:PLANTED-1@host/a.tsv?token=PLANTED-2"
    stage = Download(Downloads(address, {"token": "PLANTED-3", "password": f"{SECRET}!"}))
    with pytest.raises(ConnectionError):
        run_stages([stage], tmp_path / "runs" / "r", InProcess())
    run_stages([stage], tmp_path / "runs" / "r", InProcess())
    kept = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert {path.name for path in kept} >= {"manifest.json", "stage.log", "registry.sqlite"}
    assert [path for path, text in kept.items() if b"PLANTED" in text or SECRET.encode() in text] == []


def test_manifests_hold_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", SECRET)
    config = {"sources": {"chat": {"options": {"token": "other", "user": SECRET}}}}
    facts = {"told": f"read with {SECRET}"}
    write_manifest(tmp_path, Manifest("corpus", 1, "aa", config, {}, {}, facts, 0.5, 1, "2026-01-01"))
    text = (tmp_path / "manifest.json").read_text()
    assert SECRET not in text
    assert "other" not in text
