"""The stages that train: `qe_pretraining` on parallel text, and `qe` on annotated translations."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from parley.pipeline.errors import InputError
from qe_model.model.config import TEACHER, LossConfig, MixtureConfig, QEModelConfig
from training.batches.stream import BatchingConfig
from training.loop.config import TrackingConfig, TrainingConfig
from training.loop.stage import TrainedStage, write_result

if TYPE_CHECKING:
    from qe_model.model.estimator import ParleyQEModel
    from qe_model.model.inputs import InputEncoder
    from training.loop.trainer import TrainResult

DEV_BATCHES: Final = 8  # of pre-training
TUNING_MESSAGES: Final = 800  # dev translations of each style and direction that decisions are tuned on


@dataclass(frozen=True)
class QEPretrainingStageConfig:
    """All that the pre-training stage is told.

    Attributes:
        model: what it is made of.
        loss: what is optimised.
        training: budget and optimizer.
        batching: sampling of directions and size of batches of parallel text.
        tracking: experiment tracker.
    """

    model: QEModelConfig
    loss: LossConfig
    training: TrainingConfig
    batching: BatchingConfig = field(default_factory=BatchingConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig, metadata={"transient": True})


@dataclass(frozen=True)
class QEStageConfig:
    """All that the training on labels is told.

    Attributes:
        model: what it is made of.
        loss: what is optimised.
        mixture: examples of a batch.
        training: budget and optimizer.
        tracking: experiment tracker.
    """

    model: QEModelConfig
    loss: LossConfig
    mixture: MixtureConfig
    training: TrainingConfig
    tracking: TrackingConfig = field(default_factory=TrackingConfig, metadata={"transient": True})


class QEPretrainingStage(TrainedStage[QEPretrainingStageConfig]):
    """Learns to find corruptions of parallel text; inputs `encoded`, `teacher`, maybe `qe_word_tables`. Resumable."""

    name = "qe_pretraining"
    version: ClassVar[int] = 2  # the generator computes in the precision of the training

    def micro_batches(self) -> tuple[TrainingConfig, int]:
        """Those of the batching that it is told."""
        return self.config.training, self.config.batching.batch_tokens

    def check(self) -> None:
        """Hold the tracker against what is installed, and the encoder against the generator.

        Raises:
            InputError: the tracker's package is missing, or the encoder does not share the teacher's pieces.
        """
        super().check()
        if self.config.model.encoder != TEACHER:
            raise InputError(
                f"qe.pretraining: the generator is the teacher, so qe.model.encoder must be {TEACHER}, "
                f"not {self.config.model.encoder}; set no budget"
            )

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """Train and save the model, still without decisions.

        Raises:
            InputError: inputs of different vocabularies, an empty split, training that diverged, a full disk.
        """
        from qe_model.model.pretraining import DetectionTask, TeacherGenerator
        from training.batches.encoded import EncodedCorpus
        from training.batches.stream import BatchStream
        from training.loop.precision import choose_precision
        from training.loop.processes import Processes
        from training.loop.trainer import Trainer
        from training.tokenizer import check_vocabulary

        config, training = self.config, self.config.training
        encoded = EncodedCorpus.open(inputs["encoded"])
        check_vocabulary(inputs["teacher"], encoded.vocabulary_digest)
        teacher = _teacher(inputs["teacher"])
        start = {name: inputs[name] for name in ("teacher", "qe_word_tables") if name in inputs}
        model, encoder = start_model(config.model, start, training.seed)
        processes = Processes(training)
        teacher.to(processes.device, choose_precision(training.precision, processes.device))
        dev = BatchStream(encoded, config.batching, "dev")
        batches = [batch for batch, _ in zip(dev, range(DEV_BATCHES), strict=False)]
        task = DetectionTask(model, TeacherGenerator(teacher), encoder, config.loss, batches)
        stream = BatchStream(encoded, config.batching, "train", processes.rank, processes.count)
        facts = {"model": asdict(config.model), "batching": asdict(config.batching)}
        trainer = Trainer(training, task, stream, out, config.tracking, processes, description=self.name, facts=facts)
        result = trainer.train()
        if processes.is_first:
            _save(out, model, encoder, result, {})
        processes.wait()


class QEStage(TrainedStage[QEStageConfig]):
    """Trains on annotated translations; resumable. Inputs `qe_data`, and `qe_pretraining` or what that starts from.

    Its folder is what `QualityScorer.load` reads. Decisions are tuned on the dev split alone.
    """

    name = "qe"
    version: ClassVar[int] = 6  # penalties that may go out without a look

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """Train, tune, save.

        Raises:
            InputError: no annotated translation in train or dev, training that diverged, a full disk.
        """
        from qe_model.annotations.store import read_split
        from qe_model.model.encoders import CheckpointEncoder
        from qe_model.model.stream import ExampleStream
        from qe_model.scoring.prediction import predict
        from qe_model.scoring.tuning import dev_scores, tune
        from qe_model.task import QETask, dev_sample
        from training.loop.processes import Processes
        from training.loop.trainer import Trainer

        config, mixture = self.config, self.config.mixture
        train, dev = (read_split(inputs["qe_data"], split) for split in ("train", "dev"))
        model, encoder = start_model(config.model, inputs, config.training.seed)
        if isinstance(model.encoder, CheckpointEncoder):
            model.encoder.fall_by_layer(config.model.encoder_learning_rate / config.training.learning_rate)
        processes = Processes(config.training)
        task = QETask(model, encoder, dev_sample(dev, mixture, mixture.dev_messages), config.loss)
        pad_id = model.config.pad_token_id or 0
        stream = ExampleStream(train, mixture, encoder, pad_id, config.training.seed, processes.rank, processes.count)
        facts = {"model": asdict(config.model), "loss": asdict(config.loss)}
        trainer = Trainer(
            config.training, task, stream, out, config.tracking, processes, description=self.name, facts=facts
        )
        result = trainer.train()
        if processes.is_first:
            held_out = dev_sample(dev, mixture, TUNING_MESSAGES)
            predicted = predict(model.float(), encoder, held_out, description="dev")  # what is frozen, too
            tune(held_out, predicted).save(out)
            _save(out, model, encoder, result, {"dev": dev_scores(held_out, predicted)})
        processes.wait()


def start_model(config: QEModelConfig, inputs: Mapping[str, Path], seed: int) -> "tuple[ParleyQEModel, InputEncoder]":
    """Model and encoder of texts to start from: the pre-trained model, the teacher's encoder, or a checkpoint."""
    from qe_model.model.estimator import build_model
    from qe_model.model.saving import checkpoint_tokenizer, input_encoder, load_quality_model
    from qe_model.model.word_tables.tables import WordTables
    from training.tokenizer import load_tokenizer

    if "qe_pretraining" in inputs:
        return load_quality_model(inputs["qe_pretraining"])
    tables = WordTables.load(inputs["qe_word_tables"]) if "qe_word_tables" in inputs else None
    own = config.encoder == TEACHER
    model = build_model(config, _teacher(inputs["teacher"]) if own else None, seed, tables is not None)
    tokenizer = load_tokenizer(inputs["teacher"]) if own else checkpoint_tokenizer(config.encoder)
    return model, input_encoder(model, tokenizer, tables)


def _teacher(folder: Path) -> Any:
    from training.model.loading import load_model

    return load_model(folder).eval()


def _save(
    out: Path, model: "ParleyQEModel", encoder: "InputEncoder", result: "TrainResult", facts: dict[str, Any]
) -> None:
    from qe_model.model.saving import save_model

    save_model(model, encoder, out)
    params = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    write_result(out, {**asdict(result), "params": params, "trained_params": trained, **facts})
