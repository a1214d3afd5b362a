"""A gang: several processes of one machine that do one `distributed` stage together, started as `torchrun` does."""

from typing import TYPE_CHECKING, Final

from parley.pipeline.errors import InputError
from parley.pipeline.unit import StageError

if TYPE_CHECKING:
    from parley.pipeline.executors.task import Task

MISTAKE: Final = f"{InputError.__name__}: "


def run_gang(task: "Task", processes: int) -> None:
    """Run a task in so many new processes; when one fails, the others are ended.

    Raises:
        InputError, StageError: what the first process that failed said.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="spawn",
    )
    try:
        elastic_launch(config, task.run)()
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        message = str(failure.message)
        if message.startswith(MISTAKE):
            raise InputError(message.removeprefix(MISTAKE)) from error
        raise StageError(message) from error
