"""Where the stages of a run work, and what each of them is given."""

from dataclasses import dataclass, field, replace
from typing import Any

from parley.pipeline.errors import InputError
from parley.pipeline.stage import Stage


@dataclass(frozen=True)
class Resources:
    """What a stage, or each of its shards, is given; null: what the stage says that it needs.

    Attributes:
        cores: of each process (0: all of a machine).
        memory_gb: on each machine.
        accelerators: on each machine.
        processes: on each machine, for a stage that is `distributed`.
        nodes: machines, for a stage that is `distributed`.
        minutes: time limit of a SLURM job; null: `executor.minutes`.
    """

    cores: int | None = None
    memory_gb: float | None = None
    accelerators: int | None = None
    processes: int = 1
    nodes: int = 1
    minutes: int | None = None

    def __post_init__(self) -> None:
        for name in ("cores", "memory_gb", "accelerators"):
            if (getattr(self, name) or 0) < 0:
                raise InputError(f"executor.stages: {name}={getattr(self, name)} is negative")
        if self.processes < 1 or self.nodes < 1:
            raise InputError("executor.stages: processes and nodes are at least 1")


@dataclass(frozen=True)
class ExecutorConfig:
    """Where the stages run; never changes a result.

    Attributes:
        kind: process (of this machine), slurm or ray; or one that a plugin adds.
        cores: of a machine that stages may use (0: all there are).
        memory_gb: of a machine that stages may use (0: all there is).
        max_parallel: shards of a stage that run at the same time on SLURM.
        minutes: time limit of a SLURM job; one that reaches it is queued again and goes on from its checkpoint.
        extra: further `sbatch` options, such as {partition: gpu, account: nlp, constraint: h100}.
        stages: resources by stage name; `round` stands for every `round_<k>` that has no entry of its own.
    """

    kind: str = "process"
    cores: int = 0
    memory_gb: float = 0.0
    max_parallel: int = 8
    minutes: int = 240
    extra: dict[str, str] = field(default_factory=dict)
    stages: dict[str, Resources] = field(default_factory=dict)

    def resources(self, stage: Stage[Any]) -> "Grant":
        """What a stage is given: its entry, where that is silent its class's entry, and its `needs`.

        Raises:
            InputError: several processes for a stage that cannot use them, or accelerators that do not match them.
        """
        name = stage.name if stage.name in self.stages else type(stage).name
        asked = self.stages.get(name, Resources())
        accelerators = stage.needs.accelerators * asked.processes if asked.accelerators is None else asked.accelerators
        grant = Grant(
            cores=stage.needs.cores if asked.cores is None else asked.cores,
            memory_gb=stage.needs.memory_gb if asked.memory_gb is None else asked.memory_gb,
            accelerators=accelerators,
            processes=asked.processes,
            nodes=asked.nodes,
            minutes=asked.minutes or self.minutes,
        )
        grant.check(stage, f"executor.stages.{name}")
        return grant


@dataclass(frozen=True)
class Grant:
    """What a stage, or each of its shards, gets: `Resources` with every blank filled in."""

    cores: int
    memory_gb: float
    accelerators: int = 0
    processes: int = 1
    nodes: int = 1
    minutes: int = 0

    @property
    def gang(self) -> int:
        """How many processes work together."""
        return self.processes * self.nodes

    def within(self, cores: int, memory_gb: float, accelerators: int) -> "Grant":
        """As much of it as one machine has; `cores` becomes that of all processes together."""
        wanted = min(self.cores * self.processes or cores, cores)
        memory = min(self.memory_gb, memory_gb)
        return replace(self, cores=wanted, memory_gb=memory, accelerators=min(self.accelerators, accelerators))

    def on_one_machine(self, stage: Stage[Any]) -> None:
        """For executors that start a gang on one machine.

        Raises:
            InputError: more machines are asked for.
        """
        if self.nodes > 1:
            raise InputError(f"executor.stages: {stage.name} asks for nodes={self.nodes}; that takes executor=slurm")

    def check(self, stage: Stage[Any], key: str) -> None:
        """Hold it against what the stage can use.

        Raises:
            InputError: names both keys that do not fit.
        """
        if self.gang > 1 and not stage.distributed:
            raise InputError(f"{key}: processes={self.processes}, nodes={self.nodes}, but {stage.name} is one process")
        if self.accelerators and self.accelerators != self.processes and (stage.distributed or self.accelerators > 1):
            raise InputError(
                f"{key}: accelerators={self.accelerators} and processes={self.processes} do not fit: "
                f"each process of {stage.name} uses one accelerator"
            )
        if self.gang > 1:
            stage.check_processes(self.gang, key)
