"""Slots of a machine: nothing is given out twice."""

import pytest

from parley.pipeline.errors import InputError
from parley.pipeline.executors.config import ExecutorConfig, Grant
from parley.pipeline.executors.machine import Machine, accelerators


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Four cores, 8 GB, two accelerators."""
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(4)))
    monkeypatch.setattr("parley.pipeline.executors.machine.memory_gb", lambda: 8.0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,7")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return Machine(ExecutorConfig())


def test_accelerators_are_given_to_one_at_a_time(machine: Machine) -> None:
    grant = Grant(1, 1.0, accelerators=1)
    first, second = machine.take(grant), machine.take(grant)
    assert first
    assert second
    assert (first.accelerators, second.accelerators) == (("3",), ("7",))
    assert machine.take(grant) is None
    machine.give_back(first)
    third = machine.take(grant)
    assert third
    assert third.accelerators == ("3",)


def test_variables_keep_a_process_in_its_slot(machine: Machine) -> None:
    slot = machine.take(Grant(2, 1.0, accelerators=1))
    assert slot
    variables = machine.environment(slot)
    assert (variables["OMP_NUM_THREADS"], variables["CUDA_VISIBLE_DEVICES"]) == ("2", "3")
    assert machine.environment(slot, processes=2)["OMP_NUM_THREADS"] == "1"
    without = machine.take(Grant(1, 1.0))
    assert without
    assert machine.environment(without)["CUDA_VISIBLE_DEVICES"] == ""


def test_all_of_the_machine_is_left_to_the_libraries(machine: Machine) -> None:
    slot = machine.take(Grant(0, 1.0))
    assert slot
    assert "OMP_NUM_THREADS" not in machine.environment(slot)
    assert machine.take(Grant(1, 1.0)) is None


def test_a_gang_needs_an_accelerator_each(machine: Machine) -> None:
    with pytest.raises(InputError, match="processes=4 of a stage, but this machine has 2 accelerators"):
        machine.take(Grant(1, 1.0, accelerators=4, processes=4))


@pytest.mark.parametrize(
    ("listed", "found"), [("", ()), ("-1", ()), ("0", ("0",)), ("GPU-a,GPU-b", ("GPU-a", "GPU-b"))]
)
def test_listed_accelerators(listed: str, found: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert accelerators() == found
