"""What this machine has for stages: cores, memory, accelerators; and what of it is free."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parley.pipeline.errors import InputError
from parley.pipeline.executors.config import ExecutorConfig, Grant

THREADS: Final = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS")  # PyTorch, tokenizers, polars
VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
LIMIT: Final = Path("/sys/fs/cgroup/memory.max")  # of a container


@dataclass(frozen=True)
class Slot:
    """A part of the machine that a unit works in."""

    cores: int
    memory_gb: float
    accelerators: tuple[str, ...]


class Machine:
    """Hands out slots."""

    def __init__(self, config: ExecutorConfig) -> None:
        """Look what there is, and what of it the config lets stages use."""
        self.here = len(os.sched_getaffinity(0))
        self.cores = min(config.cores or self.here, self.here)
        self.memory_gb = min(config.memory_gb or memory_gb(), memory_gb())
        self.accelerators = accelerators()
        self._taken: list[Slot] = []

    def take(self, grant: Grant) -> Slot | None:
        """A slot for one unit, or None while there is no room; what is larger than the machine gets all of it.

        Raises:
            InputError: a gang of more processes than there are accelerators.
        """
        if grant.processes > len(self.accelerators) > 0 < grant.accelerators:
            raise InputError(
                f"executor.stages: processes={grant.processes} of a stage, but this machine has "
                f"{len(self.accelerators)} accelerators"
            )
        wanted = grant.within(self.cores, self.memory_gb, len(self.accelerators))
        taken = {device for slot in self._taken for device in slot.accelerators}
        devices = [device for device in self.accelerators if device not in taken]
        cores = self.cores - sum(slot.cores for slot in self._taken)
        memory = self.memory_gb - sum(slot.memory_gb for slot in self._taken)
        if wanted.cores > cores or wanted.memory_gb > memory or wanted.accelerators > len(devices):
            return None
        slot = Slot(wanted.cores, wanted.memory_gb, tuple(devices[: wanted.accelerators]))
        self._taken.append(slot)
        return slot

    def give_back(self, slot: Slot) -> None:
        """Free a slot."""
        self._taken.remove(slot)

    def environment(self, slot: Slot, processes: int = 1) -> dict[str, str]:
        """Variables of a process that keep it within its slot; `processes` share it."""
        variables = dict(os.environ)
        threads = max(slot.cores // processes, 1)
        if threads < self.here:
            for name in THREADS:
                variables[name] = str(min(threads, int(variables.get(name, threads))))
        if self.accelerators:
            variables[VISIBLE] = ",".join(slot.accelerators)
        return variables


def memory_gb() -> float:
    """Main memory that this process may use, in GB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = LIMIT.read_text(encoding="utf-8").strip() if LIMIT.exists() else "max"
    return min(memory, int(limit) if limit.isdigit() else memory) / 1e9


def accelerators() -> tuple[str, ...]:
    """Names of the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` lists them, found without PyTorch."""
    listed = os.environ.get(VISIBLE)
    if listed is not None:
        return tuple(name for name in listed.split(",") if name not in ("", "-1"))
    count = sum(path.name[6:].isdigit() for path in Path("/dev").glob("nvidia[0-9]*"))
    return tuple(map(str, range(count)))
