"""Stages as tasks of a real Ray cluster of two nodes on this machine. `make test-cluster` runs this."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.executors.config import ExecutorConfig, Resources
from parley.pipeline.executors.executor import make_executor
from parley.pipeline.manifest import read_manifest
from parley.pipeline.runner import run_stages
from parley.pipeline.stage import Stage
from tests.parley.pipeline.example_stages import Count, CountConfig, Gang, Part, Squares, SquaresConfig
from tests.parley.pipeline.marks import marks_of

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module", autouse=True)
def two_nodes() -> Iterator[None]:
    """Of two processors each."""
    pytest.importorskip("ray", reason="Ray is not installed: extra [ray]")
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    for _ in range(2):
        cluster.add_node(num_cpus=2, object_store_memory=100_000_000, memory=8_000_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield
    cluster.shutdown()


def run(stages: list[Stage], folder: Path, **resources: Resources) -> dict[str, Path]:
    config = ExecutorConfig(kind="ray", stages=resources)
    return run_stages(stages, folder / "r", make_executor(config, folder / "r/jobs"))


def test_shards_are_spread_over_the_nodes(tmp_path: Path) -> None:
    squares = Squares(SquaresConfig(count=8, delay=2.0, marks=str(tmp_path)))
    done = run([squares], tmp_path, squares=Resources(cores=2))["squares"]
    assert (done / "squares.txt").read_text() == "0\n1\n4\n9\n16\n25\n36\n49\n"
    assert len({found["parent"] for found in marks_of(tmp_path).values()}) == 2  # the daemons of the nodes


def test_a_shard_whose_process_is_killed_is_done_again_and_no_other(tmp_path: Path) -> None:
    done = run([Squares(SquaresConfig(trouble="killed", marks=str(tmp_path)))], tmp_path)["squares"]
    assert (done / "squares.txt").read_text() == "0\n1\n4\n9\n16\n25\n"
    assert set(marks_of(tmp_path)) == {"0000-0", "0002-0", "0002-1", "0004-0"}


def test_a_run_goes_on_with_the_shards_that_are_missing(tmp_path: Path) -> None:
    trouble = Squares(SquaresConfig(trouble="mistake", marks=str(tmp_path)))
    with pytest.raises(InputError, match=r"stage squares, shard 0002: row 3 .*log: .*0002\.log"):
        run([trouble], tmp_path)
    done = run([trouble], tmp_path)["squares"]
    assert (done / "squares.txt").read_text() == "0\n1\n4\n9\n16\n25\n"
    assert set(marks_of(tmp_path)) == {"0000-0", "0002-0", "0002-1", "0004-0"}
    assert read_manifest(done).attempts == 2


def test_a_gang_runs_on_one_node(tmp_path: Path) -> None:
    done = run([Gang(Part())], tmp_path, gang=Resources(processes=2))["gang"]
    assert {path.name for path in done.glob("rank-*")} == {"rank-0-of-2", "rank-1-of-2"}


@pytest.mark.parametrize(
    ("trouble", "error", "says"),
    [({"error": "input"}, InputError, r"^row 3 of words\.tsv"), ({"error": "bug"}, RuntimeError, "a bug")],
)
def test_what_went_wrong_comes_back(trouble: Any, error: type[Exception], says: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=says):
        run([Count(CountConfig(fail_at=0, **trouble))], tmp_path)
