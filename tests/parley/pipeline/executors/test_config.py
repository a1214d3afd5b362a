"""What stages are given, and what does not fit."""

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.executors.config import ExecutorConfig, Grant, Resources
from parley.pipeline.executors.executor import EXECUTORS
from tests.parley.pipeline.example_stages import Count, CountConfig, Gang, Hungry, Part, SquaresConfig


def test_a_stage_gets_what_it_needs_unless_its_entry_says_otherwise() -> None:
    count = Count(CountConfig(), name="count_1")
    assert ExecutorConfig().resources(count) == Grant(cores=1, memory_gb=2.0, minutes=240)
    of_class = ExecutorConfig(stages={"count": Resources(memory_gb=7.0, minutes=9)})
    assert of_class.resources(count) == Grant(cores=1, memory_gb=7.0, minutes=9)
    own = ExecutorConfig(stages={"count": Resources(cores=5), "count_1": Resources(accelerators=1)})
    assert own.resources(count) == Grant(cores=1, memory_gb=2.0, accelerators=1, minutes=240)
    assert ExecutorConfig().resources(Hungry(SquaresConfig())).cores == 0


def test_a_machine_gives_what_it_has() -> None:
    assert Grant(0, 5.0).within(8, 64.0, 0).cores == 8
    assert Grant(3, 5.0, processes=2).within(8, 64.0, 0).cores == 6
    assert Grant(16, 500.0, 8).within(8, 64.0, 2) == Grant(8, 64.0, 2)


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (Resources(processes=2, accelerators=1), "executor.stages.gang: accelerators=1 and processes=2 do not fit"),
        (Resources(accelerators=8), "accelerators=8 and processes=1 do not fit"),
    ],
)
def test_accelerators_and_processes_must_match(resources: Resources, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ExecutorConfig(stages={"gang": resources}).resources(Gang(Part()))


def test_one_process_cannot_be_two() -> None:
    with pytest.raises(InputError, match=r"executor\.stages\.count: processes=2, nodes=1, but count is one process"):
        ExecutorConfig(stages={"count": Resources(processes=2)}).resources(Count(CountConfig()))


def test_several_machines_take_a_cluster() -> None:
    with pytest.raises(InputError, match="nodes=2; that takes executor=slurm"):
        ExecutorConfig(stages={"gang": Resources(nodes=2)}).resources(Gang(Part())).on_one_machine(Gang(Part()))


@pytest.mark.parametrize("values", [{"cores": -1}, {"memory_gb": -1.0}, {"processes": 0}, {"nodes": 0}])
def test_impossible_resources_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"executor\.stages"):
        Resources(**values)  # type: ignore[arg-type]


def test_executors_there_are() -> None:
    assert EXECUTORS.names() == ["process", "ray", "slurm"]
    with pytest.raises(InputError, match="unknown executor 'slrm'; choose slurm"):
        EXECUTORS["slrm"]
