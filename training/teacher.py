"""The teacher: its task for the trainer, and the stage that trains it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from training.batches.stream import BatchingConfig
from training.loop.config import TrackingConfig, TrainingConfig
from training.loop.stage import Tracked, TrainedStage, save_model, write_result
from training.model.teacher_config import TeacherConfig

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from training.batches.batch import Batch
    from training.batches.one_way import OneWay
    from training.batches.rehearsal import Rehearsal
    from training.loop.accumulation import LossParts
    from training.model.modelling import ParleyMoeForConditionalGeneration
    from training.validation import TranslationValidation


class TeacherTask:
    """Translation loss of the mixture-of-experts teacher; experts are balanced after each update.

    Args:
        model: the teacher.
        validation: scores the model on the dev split.
    """

    best_metric = "dev/chrf"

    def __init__(self, model: "ParleyMoeForConditionalGeneration", validation: "TranslationValidation") -> None:
        self.model = model
        self.validation = validation

    def loss(self, batch: "Batch") -> "LossParts":
        """Everything that is optimised: smoothed cross-entropy, z-loss, the detector's loss; nats, summed."""
        from training.loop.accumulation import LossParts

        output = self.model(**batch.model_inputs())
        return LossParts(output.loss_sum, batch.target_tokens, output.metrics)

    def after_update(self) -> None:
        """Balance the experts."""
        self.model.after_update()

    def validate(self, model: "nn.Module") -> dict[str, float]:
        """Scores on the dev split; see `TranslationValidation`."""
        return self.validation(model)


def build_teacher(
    config: TeacherConfig, tokenizer: "PreTrainedTokenizerBase", seed: int
) -> "ParleyMoeForConditionalGeneration":
    """A fresh teacher for a vocabulary, or one that starts from a dense checkpoint (`upcycle_from`).

    Raises:
        InputError: the dense checkpoint does not fit.
    """
    import torch

    from training.model.modelling import ParleyMoeForConditionalGeneration
    from training.model.upcycling import upcycle

    torch.manual_seed(seed)
    model = ParleyMoeForConditionalGeneration(config.model_config(len(tokenizer), tokenizer.get_vocab()))
    if config.upcycle_from:
        upcycle(model, config.upcycle_from)
    return model


def warm_up_embedding(model: "ParleyMoeForConditionalGeneration", encoded: Path, config: "TeacherStageConfig") -> None:
    """Warm start of the embedding on the train split; the same in every process, and said in the stage's log."""
    from training.batches.encoded import EncodedCorpus
    from training.batches.stream import BatchStream
    from training.warm_start import BATCH_TOKENS, align_words

    updates, batching = config.model.warm_start_updates, config.batching
    size = max(BATCH_TOKENS, batching.max_length)
    batching = replace(batching, batch_tokens=size, augmentations={}, seed=batching.seed + 1)
    loss = align_words(model.shared, BatchStream(EncodedCorpus.open(encoded), batching), updates)
    say(f"teacher: words aligned in {updates} updates, contrastive loss {loss:.3f} nats")


@dataclass(frozen=True)
class TeacherStageConfig:
    """All that the teacher stage is told.

    Attributes:
        model: size and regularisation.
        training: budget, optimisation, validation.
        batching: sampling of directions and size of batches.
        tracking: experiment tracker.
    """

    model: TeacherConfig
    training: TrainingConfig
    batching: BatchingConfig = field(default_factory=BatchingConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig, metadata={"transient": True})


class TeacherStage(TrainedStage[TeacherStageConfig]):
    """Trains the teacher on inputs `corpus`, `tokenizer`, `encoded`; a killed run goes on from its last checkpoint.

    Its folder loads with `from_pretrained`: weights, tokenizer; besides `training_log.jsonl` and `routing.json`.
    """

    name = "teacher"

    def micro_batches(self) -> tuple[TrainingConfig, int]:
        """Those of the batching that it is told."""
        return self.config.training, self.config.batching.batch_tokens

    def files(self) -> list[Path]:
        """The checkpoint that is upcycled, when there is one."""
        return [Path(self.config.model.upcycle_from)] if self.config.model.upcycle_from else []

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """See `train_teacher`; the embedding of what is begun anew is warmed up first.

        Raises:
            InputError: inputs of different vocabularies, an empty split, training that diverged, a full disk.
        """
        from training.loop.checkpoint_files import checkpoint_folders

        resumes = bool(checkpoint_folders(out / "checkpoints"))
        encoded = None if resumes else inputs["encoded"]  # the checkpoint holds the warm embedding
        train_teacher(
            out,
            inputs,
            lambda tokenizer: self._fresh(tokenizer, encoded),
            self.config,
            facts={"model": asdict(self.config.model)},
        )

    def _fresh(self, tokenizer: "PreTrainedTokenizerBase", encoded: Path | None) -> "ParleyMoeForConditionalGeneration":
        model = build_teacher(self.config.model, tokenizer, self.config.training.seed)
        if encoded is not None and self.config.model.warm_start_updates:
            warm_up_embedding(model, encoded, self.config)
        return model


class TrainingChoices(Tracked, Protocol):
    """The part of a stage's config that says how a teacher is trained."""

    @property
    def training(self) -> TrainingConfig:
        """Budget, optimisation, validation."""
        ...

    @property
    def batching(self) -> BatchingConfig:
        """Sampling of directions and size of batches."""
        ...


def train_teacher(
    out: Path,
    inputs: Mapping[str, Path],
    start: Callable[["PreTrainedTokenizerBase"], "ParleyMoeForConditionalGeneration"],
    config: TrainingChoices,
    one_way: "OneWay | None" = None,
    mixed: "Rehearsal | None" = None,
    description: str = "teacher",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Train a teacher, from scratch or from what `start` loads; leaves weights, tokenizer, log and `result.json`.

    Args:
        out: folder; a killed training goes on from the checkpoint in it.
        inputs: folders of `corpus`, `tokenizer` and `encoded`.
        start: the model that training begins with.
        one_way: synthetic rows to mix in.
        mixed: which rows of the corpus the model has seen, and how often they come.
        facts: for the tracker.

    Raises:
        InputError: inputs of different vocabularies, an empty split, training that diverged, a full disk.
    """
    from training.batches.encoded import EncodedCorpus
    from training.batches.stream import BatchStream
    from training.loop.processes import Processes
    from training.loop.trainer import Trainer
    from training.tokenizer import check_vocabulary, load_tokenizer
    from training.validation import TranslationValidation

    encoded = EncodedCorpus.open(inputs["encoded"])
    check_vocabulary(inputs["tokenizer"], encoded.vocabulary_digest)
    tokenizer = load_tokenizer(inputs["tokenizer"])
    training, batching = config.training, config.batching
    processes = Processes(training)
    model = start(tokenizer)
    task = TeacherTask(model, TranslationValidation(encoded, inputs["corpus"], tokenizer, batching, training))
    stream = BatchStream(encoded, batching, "train", processes.rank, processes.count, one_way, mixed)
    told = {"batching": asdict(batching), **(facts or {})}
    trainer = Trainer(training, task, stream, out, config.tracking, processes, description=description, facts=told)
    result = trainer.train()
    if processes.is_first:
        given = {"messages": stream.messages(trainer.position)._asdict()}
        _save(out, task, tokenizer, {**asdict(result), **given, "vocabulary_digest": encoded.vocabulary_digest})
    processes.wait()


def load_teacher(folder: Path) -> "ParleyMoeForConditionalGeneration":
    """A trained teacher with its routing biases, to be trained on.

    Raises:
        InputError: no model there, or one of another kind.
    """
    from transformers.utils import logging

    from training.model.loading import load_model
    from training.model.modelling import ParleyMoeForConditionalGeneration

    logging.disable_progress_bar()  # of loading weights: not worth a line
    model = load_model(folder)
    if not isinstance(model, ParleyMoeForConditionalGeneration):
        raise InputError(f"{folder}: a {type(model).__name__}, not a teacher of this project")
    return model


def _save(out: Path, task: TeacherTask, tokenizer: "PreTrainedTokenizerBase", facts: dict[str, Any]) -> None:
    from training.model.size import active_parameters
    from training.routing import measure_routing

    write_json(out / "routing.json", measure_routing(task.model, task.validation.sample))
    save_model(task.model, tokenizer, out)
    params = sum(parameter.numel() for parameter in task.model.parameters())
    write_result(out, {**facts, "params": params, "active_params": active_parameters(task.model)})
