"""The runner: from stages to finished folders, running only what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parley.pipeline.errors import InputError
from parley.pipeline.executors import Executor
from parley.pipeline.fingerprint import LIBRARY, Digests, fingerprints
from parley.pipeline.job import Job
from parley.pipeline.progress import say
from parley.pipeline.stage import Stage


@dataclass(frozen=True)
class Plan:
    """All jobs of a run, inputs before those that read them."""

    jobs: dict[Stage[Any], Job]

    @property
    def due(self) -> list[Job]:
        """Jobs whose folder is missing."""
        return [job for job in self.jobs.values() if not job.done]

    def ready(self) -> list[Job]:
        """Jobs that are due and whose inputs are all finished."""
        return [job for job in self.due if all(self.jobs[source].done for source in job.stage.inputs.values())]


def make_plan(stages: Sequence[Stage[Any]], run_dir: Path) -> Plan:
    """Fingerprint the stages and all that they read.

    Raises:
        InputError: an outside file is missing, or two stages have one name.
    """
    digests = Digests(run_dir.parent / LIBRARY)
    prints = fingerprints(stages, digests)
    folders = {stage: run_dir / stage.name / prints[stage] for stage in prints}
    names = [stage.name for stage in prints]
    if len(set(names)) < len(names):
        raise InputError(f"two stages of a run have one name: {', '.join(sorted(names))}")
    jobs = {
        stage: Job(
            stage=stage,
            folder=folder,
            inputs={name: folders[source] for name, source in stage.inputs.items()},
            digests={str(path): digests.of(path) for path in stage.files()},
        )
        for stage, folder in folders.items()
    }
    return Plan(jobs)


def run_stages(stages: Sequence[Stage[Any]], run_dir: Path, executor: Executor) -> dict[str, Path]:
    """Run what is missing and return every stage's finished folder by stage name.

    Args:
        run_dir: `runs/<name>`; the registry and the digest cache lie beside it.

    Raises:
        InputError: bad input; found by `Stage.check` before anything runs where that is possible.
    """
    plan = make_plan(stages, run_dir)
    for job in plan.due:
        job.stage.check()
    for job in plan.jobs.values():
        if job.done:
            say(f"{job.stage.name} {job.folder.name}: up to date")
    while plan.due:
        executor.run(plan.ready())
    for job in plan.jobs.values():
        job.publish()
    return {stage.name: job.folder for stage, job in plan.jobs.items()}
