"""The graph of a run: corpus -> tokenizer -> encoded -> teacher -> back-translation -> student, quality -> report."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.stage import Stage
from scripts.run_config import RunConfig

if TYPE_CHECKING:
    from backtranslation.synthetic import QualityInput

Stages = list[Stage[Any]]


def stages(config: RunConfig) -> Stages:
    """All stages of a run, inputs before those that read them. Model code is imported when a stage runs.

    The report reads each stage under its name. System `teacher` is the last adopted model: the teacher itself in a run
    without back-translation. The student learns from that model, too.
    """
    from backtranslation.loop import WITHOUT, add_rounds
    from eval.stage import EvaluationStage, ReportStage
    from training.corpus.stage import CorpusStage
    from training.encoded import EncodedStage
    from training.teacher import TeacherStage, TeacherStageConfig
    from training.tokenizer_stage import TokenizerStage

    corpus = CorpusStage(config.data)
    tokenizer = TokenizerStage(config.tokenizer, {"corpus": corpus})
    encoded = EncodedStage(config.encoded, {"corpus": corpus, "tokenizer": tokenizer})
    sources: dict[str, Stage[Any]] = {"corpus": corpus, "tokenizer": tokenizer, "encoded": encoded}
    teacher_config = TeacherStageConfig(config.teacher, config.training, config.batching, config.tracking)
    teacher = TeacherStage(teacher_config, sources)
    quality = _quality(config, {**sources, "teacher": teacher})
    judge = _judge(config, quality)
    loop = add_rounds(config.backtranslation, config.batching, config.tracking, sources, teacher, judge)
    evaluations = [EvaluationStage(config.evaluation, {"corpus": corpus, "model": loop.final}, system="teacher")]
    if loop.without:
        compared = {"corpus": corpus, "model": loop.without}
        evaluations.append(EvaluationStage(config.evaluation, compared, system=WITHOUT))
    told = [*sources.values(), teacher, *evaluations, *_backtranslation(config, loop.rounds, evaluations)]
    told += _distillation(config, {**sources, "teacher": loop.final})
    told += quality
    return [*told, ReportStage(config.evaluation, {stage.name: stage for stage in told})]


def _judge(config: RunConfig, quality: Stages) -> "QualityInput | None":
    """The quality estimation of the first teacher, for rounds whose filter asks for it (`filter.min_qe`)."""
    from backtranslation.synthetic import QualityInput
    from qe_model.filter_scorer import load_filter

    if not config.backtranslation.rounds or not config.backtranslation.filter.wants_qe:
        return None
    return next((QualityInput(stage, load_filter) for stage in quality if stage.name == "qe"), None)


def _backtranslation(config: RunConfig, rounds: list[Any], evaluations: list[Any]) -> Stages:
    """The rounds, and what the report says of them; nothing in a run without."""
    from backtranslation.report import BacktranslationReportConfig, BacktranslationReportStage

    if not rounds:
        return []
    inputs = {stage.name: stage for stage in rounds} | dict(zip(("with", "without"), evaluations, strict=False))
    told = BacktranslationReportConfig(config.evaluation.bootstrap_samples, config.evaluation.seed)
    return [*rounds, BacktranslationReportStage(told, inputs)]


def _distillation(config: RunConfig, sources: Mapping[str, Stage[Any]]) -> Stages:
    """The student, its control, its exports and the evaluations of both students; nothing in a run without."""
    from distillation.stages import StudentStage, distillation_stages
    from eval.stage import EvaluationStage

    learning = config.distillation
    made = distillation_stages(config.student, learning, learning.training, config.batching, config.tracking, sources)
    students = [stage for stage in made if isinstance(stage, StudentStage)]
    inputs = [{"corpus": sources["corpus"], "model": student} for student in students]
    evaluations = [EvaluationStage(config.evaluation, read, system=read["model"].name) for read in inputs]
    return [*made, *evaluations]


def _quality(config: RunConfig, sources: Mapping[str, Stage[Any]]) -> Stages:
    """Annotations, the model of quality estimation and its evaluation; nothing in a run without."""
    from qe_model.data_stage import QEDataStage
    from qe_model.stages import quality_stages

    if not config.qe.enabled:
        return []
    data = QEDataStage(config.qe_data, {"corpus": sources["corpus"]})
    needed = {name: sources[name] for name in ("encoded", "teacher")}
    return [data, *quality_stages(config.qe, data, config.batching, needed)]
