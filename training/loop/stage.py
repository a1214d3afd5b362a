"""What every stage that trains has in common: goes on after a kill, is not trained twice, leaves `result.json`."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeVar

from parley.pipeline.atomic import raise_if_full, remove, write_last
from parley.pipeline.errors import InputError
from parley.pipeline.job import rank
from parley.pipeline.stage import Needs, Stage
from training.loop.config import TrackingConfig, TrainingConfig
from training.loop.tracking import check_tracking

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

RESULT: Final = "result.json"  # written last: the training in a folder that has it is over
UNFINISHED: Final = ("checkpoints",)  # what only a training that goes on needs


class Tracked(Protocol):
    """The part of a stage's config that every training has."""

    @property
    def tracking(self) -> TrackingConfig:
        """Experiment tracker."""
        ...


TrackedT = TypeVar("TrackedT", bound=Tracked)


class TrainedStage(Stage[TrackedT]):
    """A stage whose `run` trains, unless an attempt that was killed while it tidied up has already done so.

    Attributes:
        unfinished: files and folders of a training that are removed once it is over.
    """

    keeps_work: ClassVar[bool] = True
    distributed: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0, accelerators=1)
    unfinished: ClassVar[tuple[str, ...]] = UNFINISHED

    def check(self) -> None:
        """Hold the tracker against what is installed.

        Raises:
            InputError: the tracker's package is missing.
        """
        check_tracking(self.config.tracking)

    def micro_batches(self) -> tuple[TrainingConfig, int] | None:
        """The training, and target tokens of a micro-batch at most; None where updates are counted otherwise."""
        return None

    def check_processes(self, processes: int, key: str) -> None:
        """Hold the size of an update against the micro-batches that the processes bring to it.

        Raises:
            InputError: an update is smaller than one micro-batch of each.
        """
        if found := self.micro_batches():
            training, tokens = found
            if processes * tokens > training.update_tokens:
                raise InputError(
                    f"{key}.processes: {processes} micro-batches of batching.batch_tokens={tokens} do not fit into an "
                    f"update of training.update_tokens={training.update_tokens} ({self.name})"
                )

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Train, and save the best or final averaged weights; gives what `result.json` says of it.

        Of a launch of several processes only the first tidies up and says it: the folder may be gone for the others.

        Raises:
            InputError: inputs that do not fit together, training that diverged, a full disk.
        """
        if needs_training(out, out):
            self.train(out, inputs)
        return finish(out, self.unfinished) if rank() == 0 else {}

    @abstractmethod
    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """Train, going on from the checkpoint in `out` if there is one; ends with `write_result`."""


def is_trained(out: Path) -> bool:
    """Whether the training in a folder is over."""
    return (out / RESULT).exists()


def needs_training(trained: Path, out: Path) -> bool:
    """Whether to train into `trained`, in a stage's folder `out`, which the first process may have finished by now."""
    return not is_trained(trained) and (rank() == 0 or out.exists())  # in this order: it is renamed with its result


def write_result(out: Path, facts: Mapping[str, Any]) -> None:
    """Say how training ended; the weights are saved by then. Raises InputError when the disk is full."""
    write_last(out / RESULT, facts)


def finish(out: Path, unfinished: tuple[str, ...] = UNFINISHED) -> dict[str, Any]:
    """Remove what only an unfinished training needs; gives what `result.json` says."""
    for name in unfinished:
        remove(out / name)
    facts: dict[str, Any] = json.loads((out / RESULT).read_text(encoding="utf-8"))
    return facts


def save_model(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", out: Path) -> None:
    """Write weights and tokenizer, for `from_pretrained`.

    Raises:
        InputError: the disk is full.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # of writing files: not worth a line
    try:
        model.save_pretrained(out)
        tokenizer.save_pretrained(str(out))
    except Exception as error:
        raise_if_full(error, out)
        raise
