"""Where stages run: in this process, or as jobs of a SLURM cluster through `submitit` (extra `[slurm]`)."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from parley.pipeline.errors import InputError
from parley.pipeline.job import Job
from parley.pipeline.progress import say

POLL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Resources:
    """What one job asks of the cluster.

    Attributes:
        minutes: time limit; a job that reaches it is queued again and goes on from its checkpoint.
        processes: processes per node, started with the variables of `torchrun`; for distributed stages.
        partition: SLURM partition; null for the cluster's default.
        extra: further `sbatch` options, e.g. {account: nlp, constraint: h100}.
    """

    minutes: int = 240
    cpus: int = 4
    gpus: int = 0
    memory_gb: int = 16
    nodes: int = 1
    processes: int = 1
    partition: str | None = None
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExecutorConfig:
    """Where the stages run; never changes a result.

    Attributes:
        kind: `process` (this one), `slurm`, or `local` (submitit in processes of this machine).
        max_parallel: jobs of one array that run at the same time.
        requeues: how often a preempted or timed-out job is queued again.
        default: resources of a stage that `stages` does not name.
        stages: resources by stage name; `round` stands for every `round_<k>` that has no entry of its own.
    """

    kind: Literal["process", "slurm", "local"] = "process"
    max_parallel: int = 8
    requeues: int = 20
    default: Resources = Resources()
    stages: dict[str, Resources] = field(default_factory=dict)


class Executor(Protocol):
    """Runs jobs that do not depend on one another."""

    def run(self, jobs: Sequence[Job]) -> None:
        """Run all; returns when all are done. Raises the first failure once nothing of it runs any more."""


class InProcess:
    """One stage after the other in this process."""

    def run(self, jobs: Sequence[Job]) -> None:
        """Run the jobs in order."""
        for job in jobs:
            job.run()


class Submitit:
    """Jobs through submitit; stages with equal resources go out as one array."""

    def __init__(self, config: ExecutorConfig, logs: Path) -> None:
        """Keep job files and logs under `logs`. Raises InputError without submitit or SLURM."""
        try:
            import submitit
        except ImportError as error:
            raise InputError("executor needs submitit: pip install 'parley[slurm]'") from error
        try:
            slurm = {"slurm_max_num_timeout": config.requeues} if config.kind == "slurm" else {}
            self.submitit: Any = submitit.AutoExecutor(logs, cluster=config.kind, **slurm)
        except RuntimeError as error:
            raise InputError(f"executor={config.kind}: {error}") from error
        self.failures = (submitit.core.utils.FailedJobError, submitit.core.utils.UncompletedJobError)
        self.config = config
        self.logs = logs

    def run(self, jobs: Sequence[Job]) -> None:
        """Submit, wait, and raise the first failure as an InputError that names the log."""
        groups: dict[str, list[Job]] = {}
        for job in jobs:
            groups.setdefault(repr(self._resources(job)), []).append(job)
        submitted = [pair for group in groups.values() for pair in self._submit(group)]
        try:
            while not all(handle.done() for _, handle in submitted):
                time.sleep(POLL_SECONDS)
        except BaseException:
            for _, handle in submitted:
                handle.cancel()
            raise
        for job, handle in submitted:
            self._check(job, handle)

    def _submit(self, jobs: list[Job]) -> list[tuple[Job, Any]]:
        resources = self._resources(jobs[0])
        self.submitit.update_parameters(**self._parameters(resources, "-".join(job.stage.name for job in jobs)))
        tasks = [_ClusterTask(job, resources.nodes * resources.processes > 1) for job in jobs]
        handles = [self.submitit.submit(tasks[0])] if len(tasks) == 1 else self.submitit.submit_array(tasks)
        for job, handle in zip(jobs, handles, strict=True):
            say(f"{job.stage.name} {job.folder.name}: job {handle.job_id} submitted, logs in {self.logs}")
        return list(zip(jobs, handles, strict=True))

    def _resources(self, job: Job) -> Resources:
        named = self.config.stages
        return named.get(job.stage.name) or named.get(type(job.stage).name) or self.config.default

    def _parameters(self, resources: Resources, name: str) -> dict[str, Any]:
        common = {
            "name": f"parley-{name}",
            "timeout_min": resources.minutes,
            "cpus_per_task": resources.cpus,
            "gpus_per_node": resources.gpus,
            "mem_gb": resources.memory_gb,
            "nodes": resources.nodes,
            "tasks_per_node": resources.processes,
        }
        if self.config.kind != "slurm":
            return common
        slurm = {"slurm_array_parallelism": self.config.max_parallel, "slurm_additional_parameters": resources.extra}
        return common | slurm | ({"slurm_partition": resources.partition} if resources.partition else {})

    def _check(self, job: Job, handle: Any) -> None:
        """Raise what the job said; a job that ended without a word is known by its missing folder."""
        try:
            message = next((answer for answer in handle.results() if answer), "")
        except self.failures:
            message = f"stage {job.stage.name}: {job.last_error()} (log: {handle.paths.stderr})"
        if message or not job.done:
            raise InputError(message or f"stage {job.stage.name} ended without a result (log: {handle.paths.stderr})")


class _ClusterTask:
    """What a cluster job calls. The user's mistakes come back as text, since a traceback would hide them."""

    def __init__(self, job: Job, distributed: bool) -> None:
        self.job = job
        self.distributed = distributed

    def __call__(self) -> str:
        import submitit

        if self.distributed:
            submitit.helpers.TorchDistributedEnvironment().export(set_cuda_visible_devices=False)
        try:
            self.job.run()
        except InputError as error:
            return str(error)
        return ""

    def checkpoint(self) -> Any:
        """Asked by submitit on preemption and time-out: the same task again, which resumes by itself."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def make_executor(config: ExecutorConfig, logs: Path) -> Executor:
    """The executor that a config names. Raises InputError when it cannot be had here."""
    return InProcess() if config.kind == "process" else Submitit(config, logs)
