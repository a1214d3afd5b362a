"""The runner: from stages to finished folders. A graph: a stage begins as soon as all that it reads is finished."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from parley.pipeline.attempt import Attempt
from parley.pipeline.errors import InputError
from parley.pipeline.executors.executor import Executor
from parley.pipeline.fingerprint import LIBRARY, Digests, fingerprints
from parley.pipeline.job import Job, rank
from parley.pipeline.lock import HeldError
from parley.pipeline.progress import say
from parley.pipeline.run_progress import RunProgress
from parley.pipeline.stage import Stage
from parley.pipeline.unit import Unit

POLL_SECONDS: Final = 0.5  # between two looks at a stage that another run is at


@dataclass(frozen=True)
class Plan:
    """All jobs of a run, inputs before those that read them."""

    jobs: dict[Stage[Any], Job]

    @property
    def due(self) -> list[Job]:
        """Jobs whose folder is missing."""
        return [job for job in self.jobs.values() if not job.done]

    @property
    def finished(self) -> bool:
        """Whether nothing is due and all that people look at is in its place."""
        return not self.due and all(job.is_published for job in self.jobs.values())


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
    """Run what is missing and return every stage's finished folder by stage name; see `run_plan`.

    Args:
        run_dir: `runs/<name>`; the registry and the digest cache lie beside it.
    """
    plan = make_plan(stages, run_dir)
    run_plan(plan, executor)
    return {stage.name: job.folder for stage, job in plan.jobs.items()}


def run_plan(plan: Plan, executor: Executor) -> None:
    """Run what is missing, and put what people look at in its place. In the other processes of a launch: help with it.

    Raises:
        InputError: bad input; found by `Stage.check` before anything runs where that is possible.
        Exception: the first failure, once nothing runs any more. No stage begins after a failure; those that have begun
            are finished.
    """
    if rank() != 0:
        for job in plan.jobs.values():
            job.run()
        return
    due = plan.due
    for job in due:
        job.check_place()
        job.stage.check()
    for job in plan.jobs.values():
        if job not in due:
            say(f"{job.label}: up to date")
    _Run(plan, due, executor).run()
    for job in plan.jobs.values():
        job.publish()


class _Run:
    """The jobs of a plan on their way: waiting, then begun, then finished."""

    def __init__(self, plan: Plan, due: Sequence[Job], executor: Executor) -> None:
        self.executor = executor
        self.order = {stage: number for number, stage in enumerate(plan.jobs)}
        self.waiting = {job.stage: job for job in due}
        self.finished = plan.jobs.keys() - self.waiting.keys()
        self.blocked: set[Stage[Any]] = set()  # another run is at them
        self.begun: dict[Stage[Any], Attempt] = {}
        self.queue: list[Unit] = []  # of stages that have begun; those that the executor has not taken
        self.failure: Exception | None = None
        self.progress = RunProgress(len(plan.jobs), due)

    def run(self) -> None:
        """Until everything is finished, or all that began before the first failure has ended."""
        try:
            while self.begun or (self.waiting and not self.failure):
                self._begin_stages()
                self._start_units()
                for unit, error in self.executor.wait():
                    self._ended(unit, error)
                self.progress.show(self.waiting, self.begun)
        except BaseException as error:
            self.executor.stop()
            for attempt in self.begun.values():
                attempt.close(error)
            raise
        finally:
            self.progress.close()
        self.executor.stop()
        if self.failure:
            raise self.failure

    def _begin_stages(self) -> None:
        for job in list(self.waiting.values()):
            if not self.failure and self.finished.issuperset(job.stage.inputs.values()):
                self._begin(job)
        if not self.begun:  # all that could begin is in the hands of another run
            time.sleep(POLL_SECONDS)

    def _begin(self, job: Job) -> None:
        try:
            attempt = Attempt(job)
        except HeldError:
            if job.stage not in self.blocked:
                self.blocked.add(job.stage)
                say(f"{job.label}: another process is on it; waiting")
            return
        self.begun[job.stage] = attempt
        del self.waiting[job.stage]
        try:
            self.queue += [] if job.done else attempt.begin()  # done: by the other run
        except Exception as error:
            attempt.error = error
        self._close_when_over(attempt)

    def _start_units(self) -> None:
        self.queue.sort(key=lambda unit: self.order[unit.job.stage])
        for unit in self.executor.start(self.queue) if self.queue else ():
            self.queue.remove(unit)
            self.begun[unit.job.stage].started()

    def _ended(self, unit: Unit, error: Exception | None) -> None:
        attempt = self.begun[unit.job.stage]
        self.queue += attempt.ended(unit, error)
        if error:
            self.queue = [other for other in self.queue if other.job is not unit.job]
        self._close_when_over(attempt)

    def _close_when_over(self, attempt: Attempt) -> None:
        if attempt.running or any(unit.job is attempt.job for unit in self.queue):
            return
        attempt.close(attempt.error)
        del self.begun[attempt.job.stage]
        if not attempt.error:
            self.finished.add(attempt.job.stage)
            return
        self.failure = self.failure or attempt.error
        if self.begun:
            say(f"{attempt.job.label}: failed ({str(attempt.error).splitlines()[0]}); what has begun is finished first")
