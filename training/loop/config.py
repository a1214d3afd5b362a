"""Settings of the training loop and of experiment tracking."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from omegaconf import OmegaConf

from parley.config.schema import mistakes_as_one_line, schema_of
from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient

BUDGETS: Final = ("max_updates", "max_tokens", "max_minutes")
PRECISIONS: Final = ("auto", "fp32", "bf16")
CHOICES: Final = {
    "optimizer": ("adamw", "muon"),
    "schedule": ("inverse_sqrt", "wsd", "constant"),
    "precision": PRECISIONS,
    "device": ("auto", "cpu"),
}
TRACKERS: Final = ("none", "wandb", "comet", "tensorboard")


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. 0 switches a limit off where the text says so.

    Attributes:
        max_updates: budget in updates (0: none). The budget that is used up first ends the training.
        max_tokens: budget in target tokens over all processes (0: none).
        max_minutes: budget in minutes of training and validation, counted over resumes (0: none).
        update_tokens: an update takes micro-batches until they hold this many target tokens over all processes.
        optimizer: `adamw`, or `muon` for the matrices of hidden layers and AdamW for the rest.
        learning_rate: peak of the schedule, for embeddings, norms, biases, routers and heads.
        matrix_learning_rate: peak of the matrices of hidden layers, by Muon or AdamW; same schedule (0: learning_rate).
        schedule: `inverse_sqrt`, `wsd` (constant, then linear decay over the last `decay` of the budget) or `constant`.
        warmup_updates: updates in which the rate rises linearly from 0 to the peak.
        decay: share of the budget over which `wsd` decays.
        ema_decay: decay of the average of the weights that is validated and kept (0: no average).
        precision: `fp32`; `bf16` (working weights in bf16, float32 masters in the optimizer); `auto` (bf16 on
            hardware that has it, else fp32).
        validate_every: updates between validations (0: only at the end).
        dev_messages: dev messages of each direction that the loss is taken of; half of them are translated, too.
        dev_directions: directions that are translated, spread evenly (0: all).
        checkpoint_every: updates between checkpoints to resume from (0: only at validations and at the end).
        log_every: updates between lines of the log.
        seed: of initialisation, dropout, the choice of dev messages.
        device: `auto` (a GPU where there is one) or `cpu`.
        processes: how many processes must take part (0: any number); a launcher that started fewer is refused.
        threads: threads of PyTorch's CPU operations (0: PyTorch's choice).
    """

    max_updates: int = 0
    max_tokens: int = 0
    max_minutes: float = 0.0
    update_tokens: int = 4096
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    matrix_learning_rate: float = 0.0
    schedule: str = "inverse_sqrt"
    warmup_updates: int = 400
    decay: float = 0.2
    ema_decay: float = 0.999
    precision: str = "auto"
    validate_every: int = 1000
    dev_messages: int = 32
    dev_directions: int = 0
    checkpoint_every: int = 0
    log_every: int = transient(50)
    seed: int = 1
    device: str = transient("auto")
    processes: int = transient(0)
    threads: int = transient(0)

    def __post_init__(self) -> None:
        for name, valid in CHOICES.items():
            if getattr(self, name) not in valid:
                raise InputError(f"training.{name}={getattr(self, name)!r}: choose one of {', '.join(valid)}")
        if not (self.max_updates or self.max_tokens or self.max_minutes):
            raise InputError("training needs a budget: max_updates, max_tokens or max_minutes")
        for name in ("update_tokens", "learning_rate", "dev_messages", "log_every"):
            if getattr(self, name) <= 0:
                raise InputError(f"training.{name}={getattr(self, name)} must be above 0")
        if self.matrix_learning_rate < 0:
            raise InputError(f"training.matrix_learning_rate={self.matrix_learning_rate} must be at least 0")
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"training.ema_decay={self.ema_decay} must be at least 0 and below 1")

    @property
    def matrix_rate(self) -> float:
        """Peak rate of the matrices of hidden layers."""
        return self.matrix_learning_rate or self.learning_rate


def changed(training: TrainingConfig, key: str, changes: Mapping[str, Any]) -> TrainingConfig:
    """The settings of a further training of the run: those of `training` but for `changes`.

    Its budget is its own, and known, so the rate falls at its end (`wsd`) unless it is told otherwise.

    Args:
        key: where the changes stand in the config.
        changes: keys of `TrainingConfig` and their values.

    Raises:
        InputError: an unknown key, a value of the wrong type or one that `TrainingConfig` refuses, no budget.
    """
    own = {"schedule": "wsd", **dict.fromkeys(BUDGETS, 0), **changes}
    with mistakes_as_one_line():
        node = OmegaConf.merge({key: schema_of(TrainingConfig)}, {key: asdict(training) | own})
        found = OmegaConf.to_object(node[key])  # type: ignore[index]
    assert isinstance(found, TrainingConfig)
    return found


@dataclass(frozen=True)
class TrackingConfig:
    """Where metrics go besides `training_log.jsonl`. Its files go to `tracking/` beside the checkpoints.

    Holds no keys or passwords: the trackers find their own.

    Attributes:
        kind: `none`, `wandb`, `comet` or `tensorboard`.
        project: project that the run is filed under.
        offline: write to disk only, for `wandb sync` or `comet upload` later.
    """

    kind: str = transient("none")
    project: str = transient("parley")
    offline: bool = transient(True)

    def __post_init__(self) -> None:
        if self.kind not in TRACKERS:
            raise InputError(f"tracking.kind={self.kind!r}: choose one of {', '.join(TRACKERS)}")
