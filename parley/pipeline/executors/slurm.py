"""Jobs of a SLURM cluster, through `submitit` (extra `[slurm]`); the shards of a stage are one array."""

import pickle
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.pipeline.executors.config import ExecutorConfig, Grant
from parley.pipeline.executors.executor import EXECUTORS, Ended
from parley.pipeline.executors.machine import Machine
from parley.pipeline.executors.task import UnitTask
from parley.pipeline.progress import say
from parley.pipeline.unit import Failure, Unit

POLL_SECONDS: Final = 1.0
LIST_SECONDS: Final = 5.0  # between two looks at SLURM's list
REQUEUES: Final = 100  # how often a preempted or timed-out job is queued again


@EXECUTORS.register("slurm")
class SlurmExecutor:
    """A job for each unit. Preempted and timed-out jobs are queued again and go on from what is there."""

    def __init__(self, config: ExecutorConfig, logs: Path, plugins: Sequence[str] = ()) -> None:
        """Keep job files and logs under `logs`. Raises InputError without submitit or SLURM."""
        try:
            import submitit
        except ImportError as error:
            raise InputError("executor=slurm needs submitit: pip install 'parley[slurm]'") from error
        try:
            self.submitit: Any = submitit.AutoExecutor(logs, cluster="slurm", slurm_max_num_timeout=REQUEUES)
        except RuntimeError as error:
            raise InputError(f"executor=slurm: {error}") from error
        self.config, self.logs, self.plugins = config, logs, tuple(plugins)
        self.jobs: dict[Unit, Any] = {}
        self._looked, self._missing = 0.0, set[str]()

    def start(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """Submit all; SLURM finds the room."""
        for job, group in groupby(units, key=lambda unit: unit.job):
            self._submit(list(group), self.config.resources(job.stage))
        return list(units)

    def wait(self) -> Sequence[Ended]:
        """Those that left an answer (in a gang, one failure is enough), and those that SLURM does not list any more."""
        time.sleep(POLL_SECONDS)
        gone = self._gone()
        ended = [unit for unit, job in self.jobs.items() if answered(job) or failure_of(job) or job.job_id in gone]
        return [(unit, self._error(unit, self.jobs.pop(unit))) for unit in ended]

    def stop(self) -> None:
        """Cancel all."""
        for job in self.jobs.values():
            job.cancel()
        self.jobs.clear()

    def _gone(self) -> set[str]:
        """Jobs that SLURM did not list at two looks in a row; `sacct` would know more, where there is accounting."""
        if time.monotonic() - self._looked < LIST_SECONDS:
            return set()
        self._looked = time.monotonic()
        command = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        if listed.returncode:  # the controller is busy
            return set()
        missing = {job.job_id for job in self.jobs.values()} - set(listed.stdout.split())
        gone, self._missing = missing & self._missing, missing
        return gone

    def _submit(self, units: list[Unit], grant: Grant) -> None:
        stage = units[0].job.stage.name
        self.submitit.update_parameters(**self._parameters(grant, stage))
        tasks = [ClusterTask(UnitTask(unit, self.plugins, Path.cwd()), grant.gang > 1) for unit in units]
        jobs = [self.submitit.submit(tasks[0])] if len(tasks) == 1 else self.submitit.submit_array(tasks)
        self.jobs.update(zip(units, jobs, strict=True))
        say(f"{stage}: job {jobs[0].job_id} of {len(jobs)} submitted, logs in {self.logs}")

    def _parameters(self, grant: Grant, name: str) -> dict[str, Any]:
        return {
            "name": f"parley-{name}",
            "timeout_min": grant.minutes,
            "cpus_per_task": grant.cores or Machine(self.config).cores,
            "gpus_per_node": grant.accelerators,
            "mem_gb": grant.memory_gb,
            "nodes": grant.nodes,
            "tasks_per_node": grant.processes,
            "slurm_array_parallelism": self.config.max_parallel,
            "slurm_additional_parameters": self.config.extra,
        }

    def _error(self, unit: Unit, job: Any) -> Exception | None:
        """What the job said."""
        log = job.paths.stderr
        failure = failure_of(job)
        if failure is None and not answered(job):
            return InputError(f"{unit.label}: its job was killed (log: {log})")
        if not answered(job):  # the other tasks wait for the one that failed
            job.cancel()
        if failure and failure.traceback:
            return InputError(f"{failure.message} (log: {log})")
        return failure.error() if failure else None


def failure_of(job: Any) -> Failure | None:
    """What the first task of a job that failed says."""
    for number in range(job.num_tasks):
        path = job.task(number).paths.result_pickle
        if path.exists():
            outcome, value = pickle.loads(path.read_bytes())
            if outcome == "error":
                return Failure(str(value).strip().splitlines()[-1], str(value))
            if value is not None:
                return value
    return None


def answered(job: Any) -> bool:
    """Whether every task of a job has written what it came to."""
    return all(job.task(number).paths.result_pickle.exists() for number in range(job.num_tasks))


@dataclass(frozen=True)
class ClusterTask:
    """What a job calls."""

    task: UnitTask
    distributed: bool

    def __call__(self) -> Failure | None:
        import submitit

        if self.distributed:
            submitit.helpers.TorchDistributedEnvironment().export(set_cuda_visible_devices=False)
        return self.task()

    def checkpoint(self) -> Any:
        """Asked by submitit on preemption and time-out: the same task again, which resumes by itself."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)
