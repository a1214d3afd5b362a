"""The stages of quality estimation in a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parley.pipeline.stage import Stage
from qe_model.evaluation.stage import QEEvaluationStage
from qe_model.model.config import TEACHER, QEConfig
from qe_model.model.word_tables.stage import WordTablesStage
from qe_model.training_stages import QEPretrainingStage, QEPretrainingStageConfig, QEStage, QEStageConfig
from training.batches.stream import BatchingConfig
from training.loop.config import TrackingConfig, TrainingConfig


@dataclass(frozen=True)
class QualityStages:
    """The stages of quality estimation.

    Attributes:
        all: in the order they run in: `qe_data`, word tables and pre-training where wanted, training, evaluation.
        model: of these, the training.
    """

    all: list[Stage[Any]]
    model: QEStage


def quality_stages(
    config: QEConfig,
    training: TrainingConfig,
    batching: BatchingConfig,
    tracking: TrackingConfig,
    data: Stage[Any],
    sources: Mapping[str, Stage[Any]],
) -> QualityStages:
    """The stages of a run.

    Args:
        training: of the teacher; the trainings here are told where they differ.
        batching: of parallel text, for pre-training.
        data: the stage `qe_data`.
        sources: the stages `corpus`, `encoded` and `teacher`; a pretrained encoder needs none of them.
    """
    labels = config.training_over(training)
    stages: list[Stage[Any]] = []
    start: dict[str, Stage[Any]] = {"teacher": sources["teacher"]} if config.model.encoder == TEACHER else {}
    if config.word_tables:
        start["qe_word_tables"] = WordTablesStage(tuple(config.word_tables), {"corpus": sources["corpus"]})
        stages.append(start["qe_word_tables"])
    if config.pretraining.enabled:
        budget = config.pretraining.over(labels)
        first = QEPretrainingStageConfig(config.model, config.loss, budget, batching, tracking)
        start = {"qe_pretraining": QEPretrainingStage(first, {**start, "encoded": sources["encoded"]})}
        stages += start.values()
    learning = QEStageConfig(config.model, config.loss, config.mixture, labels, tracking)
    model = QEStage(learning, {"qe_data": data, **start})
    tests = QEEvaluationStage(config.evaluation, {"qe_data": data, "qe": model})
    return QualityStages([data, *stages, model, tests], model)
