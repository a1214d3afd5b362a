"""The run registry."""

from pathlib import Path

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.lock import locked
from parley.pipeline.registry import NAME, RunRegistry, lock_path


def test_attempts_in_order_with_their_end(tmp_path: Path) -> None:
    registry = RunRegistry(tmp_path)
    first = registry.start("demo", "corpus", "aa")
    registry.finish(first, "failed", 1.5, "InputError: no such file")
    second = registry.start("demo", "corpus", "aa")
    registry.finish(second, "done", 2.5)
    found = registry.attempts("demo", "corpus")
    assert [(a.state, a.seconds, a.error) for a in found] == [
        ("failed", 1.5, "InputError: no such file"),
        ("done", 2.5, None),
    ]
    assert found[0].started.endswith("+00:00")
    assert registry.attempts("other") == []


def test_running_means_that_somebody_holds_the_lock(tmp_path: Path) -> None:
    registry = RunRegistry(tmp_path)
    registry.start("demo", "corpus", "aa")
    with locked(lock_path(tmp_path / "demo/corpus/aa")):
        assert registry.attempts()[0].state == "running"
    assert registry.attempts()[0].state == "killed"


def test_no_registry_is_no_attempts(tmp_path: Path) -> None:
    assert RunRegistry(tmp_path / "nowhere").attempts() == []
    assert not (tmp_path / "nowhere").exists()


def test_damaged_registry_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("this is no database, but long enough to be taken for one by the library")
    with pytest.raises(InputError, match=r"registry\.sqlite"):
        RunRegistry(tmp_path).attempts()
