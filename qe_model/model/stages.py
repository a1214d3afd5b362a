"""The stages `qe_pretraining` (on parallel text) and `qe` (on annotated translations), and where their models are."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from parley.pipeline.atomic import remove, write_json
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import newest_artifact
from parley.pipeline.stage import Stage
from qe_model.annotations.annotation import STYLES, AnnotatedTranslation, SeverityWeights
from qe_model.model.config import TEACHER, LossConfig, MixtureConfig, PretrainingConfig, QEConfig, QEModelConfig
from qe_model.model.lexical.stage import LexiconStage
from training.batches.stream import BatchingConfig
from training.loop.config import TrackingConfig, TrainingConfig
from training.loop.stage import UNFINISHED, TrainedStage, write_result

if TYPE_CHECKING:
    from qe_model.model.estimator import ParleyQEModel
    from qe_model.model.inputs import InputEncoder
    from qe_model.scoring.prediction import Probabilities
    from training.loop.trainer import TrainResult

TRIALS: Final = "trials.json"
DEV_BATCHES: Final = 8


def model_folder(path: str) -> Path:
    """A model folder, or the newest model of `runs/<name>/qe`."""
    return newest_artifact(Path(path))


@dataclass(frozen=True)
class QEPretrainingStageConfig:
    """All that the pre-training stage is told.

    Attributes:
        model: what it is made of.
        loss: what is optimised.
        pretraining: how parallel text is damaged.
        training: budget and optimizer.
        batching: sampling of directions and size of batches of parallel text.
        tracking: experiment tracker.
    """

    model: QEModelConfig
    loss: LossConfig
    pretraining: PretrainingConfig
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
        weights: penalty points of errors.
        training: budget and optimizer.
        tracking: experiment tracker.
    """

    model: QEModelConfig
    loss: LossConfig
    mixture: MixtureConfig
    weights: SeverityWeights
    training: TrainingConfig
    tracking: TrackingConfig = field(default_factory=TrackingConfig, metadata={"transient": True})


class QEPretrainingStage(TrainedStage[QEPretrainingStageConfig]):
    """Learns to find damage in parallel text; inputs `encoded`, `teacher`, maybe `qe_lexicon`. Resumable."""

    name = "qe_pretraining"
    version: ClassVar[int] = 2  # the generator computes in the precision of the training

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
        start = {name: inputs[name] for name in ("teacher", "qe_lexicon") if name in inputs}
        model, encoder = start_model(config.model, start, training.seed)
        processes = Processes(training)
        teacher.to(processes.device, choose_precision(training.precision, processes.device))
        generator = TeacherGenerator(teacher, config.pretraining.temperature)
        dev = BatchStream(encoded, config.batching, "dev")
        batches = [batch for batch, _ in zip(dev, range(DEV_BATCHES), strict=False)]
        task = DetectionTask(model, generator, encoder, config.pretraining, config.loss, batches)
        stream = BatchStream(encoded, config.batching, "train", processes.rank, processes.count)
        facts = {"model": asdict(config.model), "batching": asdict(config.batching)}
        trainer = Trainer(
            training, task, stream, out, config.tracking, processes, description="qe_pretraining", facts=facts
        )
        result = trainer.train()
        if processes.is_first:
            _save(out, model, encoder, result, {})
        processes.wait()


class QEStage(TrainedStage[QEStageConfig]):
    """Trains on annotated translations; resumable. Inputs `qe_data`, and `qe_pretraining` or what that starts from.

    Its folder is what `QualityScorer.load` reads. Decisions are tuned on the dev split alone.
    """

    name = "qe"
    version: ClassVar[int] = 4  # penalties are calibrated for each way of annotating
    unfinished: ClassVar[tuple[str, ...]] = (*UNFINISHED, "trials")

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """Train, tune, save.

        Raises:
            InputError: no annotated translation in train or dev, training that diverged, a full disk.
        """
        from qe_model.model.saving import save_decisions
        from qe_model.model.task import dev_sample
        from qe_model.scoring.prediction import predict
        from qe_model.scoring.tuning import dev_scores, main_style, tune
        from training.loop.processes import Processes

        config = self.config
        train = annotated(inputs["qe_data"], "train")
        dev = wanted(usual(annotated(inputs["qe_data"], "dev")), config.mixture.pair_weights)
        processes = Processes(self.config.training)
        sample = dev_sample(dev, config.mixture.dev_messages)
        imbalance = self._choose(out, inputs, train, sample, processes)
        model, encoder, result = self._fit(out, inputs, train, sample, imbalance, processes)
        if processes.is_first:
            dev = dev_sample(dev, 0)
            predicted: list[Probabilities] = predict(model, encoder, dev, description="dev")
            save_decisions(tune(dev, predicted, config.weights), STYLES[main_style(dev)], out)
            _save(out, model, encoder, result, {"imbalance": imbalance, "dev": dev_scores(dev, predicted)})
        processes.wait()

    def _choose(
        self,
        out: Path,
        inputs: Mapping[str, Path],
        train: list[AnnotatedTranslation],
        dev: list[AnnotatedTranslation],
        processes: Any,
    ) -> str:
        """The way to meet imbalance that does best on dev after a short trial; trials that are done are kept."""
        from qe_model.model.task import QETask

        choices = self.config.loss.imbalance
        if len(choices) == 1:
            return choices[0]
        path = out / TRIALS
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for name in choices:
            if name not in known:
                folder = out / "trials" / name
                trial = replace(self.config.training, max_updates=self.config.loss.trial_updates, max_tokens=0)
                trial = replace(trial, max_minutes=0.0, validate_every=0)
                result = self._fit(folder, inputs, train, dev, name, processes, trial)[2]
                known[name] = result.metrics[QETask.best_metric]
                if processes.is_first:
                    write_json(path, known)
                    remove(folder)
        return max(choices, key=lambda name: known[name])

    def _fit(
        self,
        out: Path,
        inputs: Mapping[str, Path],
        train: list[AnnotatedTranslation],
        dev: list[AnnotatedTranslation],
        imbalance: str,
        processes: Any,
        training: Any = None,
    ) -> "tuple[ParleyQEModel, InputEncoder, TrainResult]":
        from qe_model.model.stream import ExampleStream
        from qe_model.model.task import QETask
        from training.loop.trainer import Trainer

        config, settings = self.config, training or self.config.training
        model, encoder = start_model(config.model, inputs, settings.seed)
        task = QETask(model, encoder, dev, config.loss, imbalance)
        pad_id = model.config.pad_token_id or 0
        place = processes.rank, processes.count
        stream = ExampleStream(train, config.mixture, encoder, pad_id, config.weights, *place)
        facts = {"model": asdict(config.model), "loss": asdict(config.loss), "imbalance": imbalance}
        description = "qe" if training is None else f"qe trial {imbalance}"
        trainer = Trainer(settings, task, stream, out, config.tracking, processes, description=description, facts=facts)
        return model, encoder, trainer.train()


def quality_stages(
    config: QEConfig,
    training: TrainingConfig,
    batching: BatchingConfig,
    tracking: TrackingConfig,
    data: Stage[Any],
    sources: Mapping[str, Stage[Any]],
) -> list[Stage[Any]]:
    """The stages of a run, in order: pre-training where it is enabled, training, evaluation; none when disabled.

    Args:
        training: of the teacher; the trainings here are told where they differ.
        data: the stage `qe_data`.
        batching: of parallel text, for pre-training.
        sources: the stages `corpus`, `encoded` and `teacher`; other encoders need the first alone, for a lexicon.
    """
    from qe_model.evaluation.stage import QEEvaluationStage

    if not config.enabled:
        return []
    labels = config.training_over(training)
    inputs: dict[str, Stage[Any]] = {"qe_data": data}
    stages: list[Stage[Any]] = []
    start: dict[str, Stage[Any]] = {"teacher": sources["teacher"]} if config.model.encoder == TEACHER else {}
    if config.lexicon.pairs:
        start["qe_lexicon"] = LexiconStage(config.lexicon, {"corpus": sources["corpus"]})
        stages.append(start["qe_lexicon"])
    if config.pretraining.enabled:
        needed = {**start, "encoded": sources["encoded"]}
        first = QEPretrainingStageConfig(
            config.model, config.loss, config.pretraining, config.pretraining.over(labels), batching, tracking
        )
        start = {"qe_pretraining": QEPretrainingStage(first, needed)}
        stages += start.values()
    inputs |= start
    learning = QEStageConfig(config.model, config.loss, config.mixture, config.weights, labels, tracking)
    model = QEStage(learning, inputs)
    tests = QEEvaluationStage(config.evaluation, {"qe_data": data, "qe": model})
    return [*stages, model, tests]


def annotated(folder: Path, split: str) -> list[AnnotatedTranslation]:
    """The annotated translations of a split.

    Raises:
        InputError: none there.
    """
    from qe_model.annotations.store import read_annotations

    found = list(read_annotations(folder, lambda one: one.split == split))
    if not found:
        raise InputError(f"{folder}: no annotated translation in split '{split}'")
    return found


def usual(translations: list[AnnotatedTranslation]) -> list[AnnotatedTranslation]:
    """Without the pairs that the conversation decides, where there are others.

    Every second one of those is wrong, which says nothing of how often words are bad; thresholds would be off.
    """
    from qe_model.synthetic.contrastive import is_contrast

    return [one for one in translations if not is_contrast(one)] or translations


def wanted(translations: list[AnnotatedTranslation], weights: Mapping[str, float]) -> list[AnnotatedTranslation]:
    """Without the directions that training leaves out; all where nothing else is there."""
    return [one for one in translations if weights.get(one.direction, 1.0)] or translations


def start_model(config: QEModelConfig, inputs: Mapping[str, Path], seed: int) -> "tuple[ParleyQEModel, InputEncoder]":
    """Model and encoder of texts to start from: the pre-trained model, the teacher's encoder, or a checkpoint."""
    from qe_model.model.estimator import build_model
    from qe_model.model.lexical.lexicon import Lexicon
    from qe_model.model.saving import checkpoint_tokenizer, input_encoder, load_weights
    from training.tokenizer import load_tokenizer

    if "qe_pretraining" in inputs:
        return load_weights(inputs["qe_pretraining"])
    lexicon = Lexicon.load(inputs["qe_lexicon"]) if "qe_lexicon" in inputs else None
    own = config.encoder == TEACHER
    model = build_model(config, _teacher(inputs["teacher"]) if own else None, seed, lexicon is not None)
    tokenizer = load_tokenizer(inputs["teacher"]) if own else checkpoint_tokenizer(config.encoder)
    return model, input_encoder(model, tokenizer, lexicon)


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
