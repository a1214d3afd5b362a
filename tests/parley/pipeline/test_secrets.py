"""Secrets are hidden in whatever is kept; everything else stays as it is."""

from pathlib import Path

import pytest

from parley.pipeline.manifest import Manifest, write_manifest
from parley.pipeline.secrets import HIDDEN, public

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
        "note": HIDDEN,
        "path": "data/a.tsv",
        "a": HIDDEN,
    }


def test_users_of_addresses() -> None:
    assert public("https://me:pw@host/a b@c") == f"https://{HIDDEN}@host/a b@c"
    assert public("https://host/@me") == "https://host/@me"


def test_the_rest_stays() -> None:
    values = {"token": None, "auth": True, "max_tokens": 3, "update_tokens": 5, "tokens": {"en": 1.5}, "rows": (1, 2)}
    assert public(values) == values | {"rows": [1, 2]}


def test_manifests_hold_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", SECRET)
    config = {"sources": {"chat": {"options": {"token": "other", "user": SECRET}}}}
    facts = {"told": f"read with {SECRET}"}
    write_manifest(tmp_path, Manifest("corpus", 1, "aa", config, {}, {}, facts, 0.5, 1, "2026-01-01"))
    text = (tmp_path / "manifest.json").read_text()
    assert SECRET not in text
    assert "other" not in text
