"""Tasks of a Ray cluster (extra `[ray]`), and so of Kubernetes through KubeRay. Its machines share one file system."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.pipeline.executors.config import ExecutorConfig
from parley.pipeline.executors.executor import EXECUTORS, Ended
from parley.pipeline.executors.task import UnitTask
from parley.pipeline.unit import Failure, Unit

WAIT_SECONDS: Final = 1.0
RETRIES: Final = 3  # of a task whose machine or process was lost; it goes on from what is there
GIGABYTE: Final = 10**9


@EXECUTORS.register("ray")
class RayExecutor:
    """A Ray task for each unit."""

    def __init__(self, config: ExecutorConfig, logs: Path, plugins: Sequence[str] = ()) -> None:
        """Join the cluster that `RAY_ADDRESS` names, or the one that this machine is part of.

        Raises:
            InputError: Ray is not installed, or there is no cluster.
        """
        try:
            import ray
        except ImportError as error:
            raise InputError("executor=ray needs Ray: pip install 'parley[ray]'") from error
        self.ray, self.config, self.plugins = ray, config, tuple(plugins)
        variables = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        try:
            ray.init("auto", runtime_env={"env_vars": variables}, ignore_reinit_error=True, log_to_driver=False)
        except ConnectionError as error:
            raise InputError(
                "executor=ray: no cluster is running here; `ray start --head`, or set RAY_ADDRESS"
            ) from error
        self.tasks: dict[Any, Unit] = {}

    def start(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Hand all to Ray, which finds the room."""
        for unit in units:
            self.tasks[self._submit(unit)] = unit
        return list(units)

    def wait(self) -> Sequence[Ended]:
        """Those that have ended."""
        ended, _ = self.ray.wait(list(self.tasks), num_returns=1, timeout=WAIT_SECONDS) if self.tasks else ([], [])
        return [(unit, self._error(unit, task)) for task in ended if (unit := self.tasks.pop(task))]

    def stop(self) -> None:
        """Cancel all, and leave the cluster."""
        for task in self.tasks:
            self.ray.cancel(task, force=True)
        self.tasks.clear()
        self.ray.shutdown()

    def _submit(self, unit: Unit) -> Any:
        grant = self.config.resources(unit.job.stage)
        grant.on_one_machine(unit.job.stage)
        largest = max(node["Resources"].get("CPU", 1) for node in self.ray.nodes() if node["Alive"])
        options = self.ray.remote(UnitTask.__call__).options(
            name=unit.label,
            num_cpus=grant.cores * grant.processes or self.config.cores or largest,
            num_gpus=grant.accelerators,
            memory=int(grant.memory_gb * GIGABYTE),
            max_retries=RETRIES,
        )
        return options.remote(UnitTask(unit, self.plugins, Path.cwd(), grant.processes))

    def _error(self, unit: Unit, task: Any) -> Exception | None:
        try:
            failure: Failure | None = self.ray.get(task)
        except self.ray.exceptions.RayError as error:
            return InputError(f"{unit.label}: {' '.join(str(error).split())} (log: {unit.log})")
        return failure.error() if failure else None
