"""How far a whole run is: one line with the time left, told from how long its stages took before."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from parley.pipeline.attempt import Attempt
from parley.pipeline.job import Job
from parley.pipeline.progress import ProgressBar
from parley.pipeline.registry import bookkeeping
from parley.pipeline.stage import Stage

SHORT, LONG = 15.0, 150.0  # seconds of a stage that never ended here; long is one that asks for all cores: it trains
UNFINISHED: Final = 0.95  # of its expected time, at most, is done of a stage under way


class RunProgress(ProgressBar):
    """The bar of a run, in expected seconds of work."""

    def __init__(self, stages: int, due: Sequence[Job]) -> None:
        """Expect of each due job what it took last; `stages` are all of the run."""
        self._stages = stages
        self._expected = expected_seconds(due)
        super().__init__("", sum(self._expected.values()))

    def show(self, waiting: Iterable[Stage[Any]], begun: Mapping[Stage[Any], Attempt]) -> None:
        """Move to where the run is."""
        left = {stage: self._expected[stage] for stage in waiting}
        for stage, attempt in begun.items():
            left[stage] = self._expected[stage] - min(attempt.seconds, UNFINISHED * self._expected[stage])
        self.description = f"{self._stages - len(left)} of {self._stages} stages"
        self.advance(sum(self._expected.values()) - sum(left.values()) - self.done)


def expected_seconds(jobs: Sequence[Job]) -> dict[Stage[Any], float]:
    """What each stage took when it last ended: in this run, else in another beside it; a guess where it never did."""
    known: dict[str, float] = {}
    if jobs:
        run = jobs[0].folder.parents[1].name
        with bookkeeping():
            attempts = jobs[0].registry.attempts()
            ended = [each for each in attempts if each.state == "done"]
            known = {each.stage: each.seconds or 0.0 for each in sorted(ended, key=lambda each: each.run == run)}
    return {job.stage: known.get(job.stage.name, SHORT if job.stage.needs.cores else LONG) for job in jobs}
