"""The stages of quality estimation in a run."""

from dataclasses import dataclass
from typing import Any

from parley.pipeline.stage import Stage
from qe_model.evaluation.stage import QEEvaluationStage
from qe_model.model.config import QEConfig
from qe_model.training_stages import QEStage, QEStageConfig
from training.loop.config import TrackingConfig, TrainingConfig


@dataclass(frozen=True)
class QualityStages:
    """The stages of quality estimation.

    Attributes:
        all: in the order they run in: `qe_data`, training, evaluation.
        model: of these, the training.
    """

    all: list[Stage[Any]]
    model: QEStage


def quality_stages(
    config: QEConfig, training: TrainingConfig, tracking: TrackingConfig, data: Stage[Any], teacher: Stage[Any] | None
) -> QualityStages:
    """The stages of a run.

    Args:
        training: of the teacher; the training here is told where it differs.
        data: the stage `qe_data`.
        teacher: read where its encoder is; a pretrained encoder needs none.
    """
    start = {"teacher": teacher} if teacher and config.reads_teacher else {}
    learning = QEStageConfig(config.model, config.loss, config.mixture, config.training_over(training), tracking)
    model = QEStage(learning, {"qe_data": data, **start})
    tests = QEEvaluationStage(config.evaluation, {"qe_data": data, "qe": model})
    return QualityStages([data, model, tests], model)
