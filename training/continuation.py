"""Training that goes on from a teacher on new data: the new rows mixed with those that it has seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from parley.pipeline.contents import check_contents
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from parley.pipeline.stage import transient
from training.batches.stream import BatchingConfig
from training.loop.config import TrackingConfig, TrainingConfig, changed
from training.loop.stage import TrainedStage
from training.teacher import load_teacher, train_teacher

SHARE: Final = "rehearsal"  # key of the config; the others are those of the training


@dataclass(frozen=True)
class ContinuedTeacherConfig:
    """What a training goes on from, and how.

    Attributes:
        start: stage and fingerprint of the model.
        seen: stage and fingerprint of the encoded corpus that it was trained on.
        rehearsal: share of the messages that it has seen.
        training: budget and rates of the continuation.
        batching: of the run.
        tracking: experiment tracker.
        run_dir: where both lie.
    """

    start: str
    seen: str
    rehearsal: float
    training: TrainingConfig
    batching: BatchingConfig
    tracking: TrackingConfig = field(default_factory=TrackingConfig, metadata={"transient": True})
    run_dir: str = transient("")


class ContinuedTeacherStage(TrainedStage[ContinuedTeacherConfig]):
    """Trains the teacher `start` on; reads `corpus`, `tokenizer`, `encoded`. Its folder is as the teacher stage's."""

    name = "teacher"

    def micro_batches(self) -> tuple[TrainingConfig, int]:
        """Those of the batching that it is told."""
        return self.config.training, self.config.batching.batch_tokens

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """Train on; says which dev and test rows the model was trained on, as when rows changed their splits.

        Raises:
            InputError: as `train_teacher`; the model, or what it has seen, is damaged or gone.
        """
        from training.batches.encoded import EncodedCorpus
        from training.batches.rehearsal import rehearsal, trained_on

        run_dir = Path(self.config.run_dir)
        check_contents(run_dir / self.config.start)
        encoded, seen = EncodedCorpus.open(inputs["encoded"]), EncodedCorpus.open(run_dir / self.config.seen)
        if leaked := int((trained_on(encoded, seen) & ~encoded.in_split("train")).sum()):
            say(f"teacher: {leaked} rows of dev and test are ones that {self.config.start} was trained on")
        train_teacher(
            out,
            inputs,
            lambda _: load_teacher(run_dir / self.config.start),
            self.config,
            mixed=rehearsal(encoded, seen, self.config.rehearsal),
            facts={"start": self.config.start},
        )


def continuation(told: Mapping[str, Any], training: TrainingConfig) -> tuple[float, TrainingConfig]:
    """The share of old messages, and the training, from the config: `{rehearsal: 0.5, max_tokens: 500000}`.

    Raises:
        InputError: no share between 0 and 1, or settings that `changed` refuses.
    """
    share = told.get(SHARE)
    if not isinstance(share, int | float) or not 0 < share < 1:
        raise InputError(f"continuation.{SHARE}={share}: the share of old messages, above 0 and below 1")
    return float(share), changed(training, "continuation", {key: told[key] for key in told if key != SHARE})
