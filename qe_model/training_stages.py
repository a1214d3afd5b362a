"""The stage that trains on annotated translations."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from qe_model.model.config import TEACHER, LossConfig, MixtureConfig, QEModelConfig
from training.loop.config import TrackingConfig, TrainingConfig
from training.loop.stage import TrainedStage, write_result

if TYPE_CHECKING:
    from qe_model.model.estimator import ParleyQEModel
    from qe_model.model.inputs import InputEncoder
    from training.loop.trainer import TrainResult

TUNING_MESSAGES: Final = 800  # dev translations of each style and direction that decisions are tuned on


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


class QEStage(TrainedStage[QEStageConfig]):
    """Trains on annotated translations; resumable. Inputs `qe_data`, and `teacher` where its encoder is read.

    Its folder is what `QualityScorer.load` reads. Decisions are tuned on the dev split alone.
    """

    name = "qe"
    version: ClassVar[int] = 10  # bad words weigh as much as others; no head of the sentence

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
    """Model and encoder of texts to start from: the teacher's encoder, or a pretrained one."""
    from qe_model.model.estimator import build_model
    from qe_model.model.saving import checkpoint_tokenizer, input_encoder
    from training.model.loading import load_model
    from training.tokenizer import load_tokenizer

    own = config.encoder == TEACHER
    model = build_model(config, load_model(inputs["teacher"]).eval() if own else None, seed)
    return model, input_encoder(
        model, load_tokenizer(inputs["teacher"]) if own else checkpoint_tokenizer(config.encoder)
    )


def _save(
    out: Path, model: "ParleyQEModel", encoder: "InputEncoder", result: "TrainResult", facts: dict[str, Any]
) -> None:
    from qe_model.model.saving import save_model

    save_model(model, encoder, out)
    params = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    write_result(out, {**asdict(result), "params": params, "trained_params": trained, **facts})
