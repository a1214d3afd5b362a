"""The newest artifact of a stage: the registry says, then the manifests; times of files do not count."""

import os
import shutil
from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.manifest import NAME, Manifest, write_manifest
from parley.pipeline.newest import artifacts, newest_artifact
from parley.pipeline.registry import RunRegistry

OLDER, NEWER = "0" * 15 + "b", "0" * 15 + "a"


def finished(stage: Path, fingerprint: str, time: str) -> Path:
    folder = stage / fingerprint
    folder.mkdir(parents=True)
    write_manifest(folder, Manifest(stage.name, 1, fingerprint, {}, {}, {}, {}, 1.0, 1, time))
    return folder


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """Two artifacts; the clock was set back between them, in the manifests and in the times of files."""
    stage, registry = tmp_path / "runs/r/teacher", RunRegistry(tmp_path / "runs")
    for fingerprint, time in (OLDER, "2026-05-03T00:00:00"), (NEWER, "2026-05-01T00:00:00"):
        folder = finished(stage, fingerprint, time)
        registry.finish(registry.start("r", "teacher", fingerprint), "done", 1.0)
    os.utime(folder / NAME, (1000, 1000))
    failed = registry.start("r", "teacher", OLDER)
    registry.finish(failed, "failed", 1.0)
    (stage / "00000000000000ff.partial").mkdir()
    (stage / "00000000000000ff.partial" / NAME).write_text("{}")
    return stage


def test_the_registry_decides(stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [path.name for path in artifacts(stage)] == [NEWER, OLDER]
    assert newest_artifact(stage) == stage / NEWER
    monkeypatch.chdir(stage.parent)
    assert newest_artifact(Path("teacher")) == Path("teacher") / NEWER


@pytest.mark.parametrize("registry", [None, b"no database" * 1000])
def test_else_the_manifests_decide(stage: Path, registry: bytes | None, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere/runs/r/teacher"
    shutil.copytree(stage, copy, copy_function=shutil.copyfile)  # as it comes: no times kept
    if registry:
        (copy.parents[1] / "registry.sqlite").write_bytes(registry)
    assert newest_artifact(copy) == copy / OLDER


def test_what_is_no_stage_stands_for_itself(stage: Path, tmp_path: Path) -> None:
    for path in (stage / NEWER, stage.parent, tmp_path / "nowhere", stage / NEWER / NAME):
        assert newest_artifact(path) == path


def test_a_damaged_manifest_is_named(stage: Path) -> None:
    (stage.parents[1] / "registry.sqlite").unlink()
    (stage / OLDER / NAME).write_text("{")
    with pytest.raises(InputError, match=f"{OLDER}/manifest.json"):
        newest_artifact(stage)
