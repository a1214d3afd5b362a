"""The graph of a run: corpus -> tokenizer -> encoded -> teacher -> back-translation -> student, quality -> report."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from parley.pipeline.stage import Stage
from scripts.run_config import RunConfig

if TYPE_CHECKING:
    from backtranslation.candidate_stages import QualityInput

Stages = list[Stage[Any]]
INT8: Final = "student_int8"  # the exported form that is shipped, the first one


def stages(config: RunConfig) -> Stages:
    """All stages of a run, inputs before those that read them. Model code is imported when a stage runs.

    The report reads each stage under its name. System `teacher` is the last adopted model: the teacher itself in a run
    without back-translation. The student learns from that model, too.
    """
    from backtranslation.loop import WITHOUT, add_rounds
    from eval.evaluation.stage import EvaluationStage
    from eval.report.stage import ReportStage
    from parley.corpus.stage import corpus_stage
    from training.batches.encoding import EncodedConfig, EncodedStage
    from training.teacher import TeacherStage, TeacherStageConfig
    from training.tokenizer_stage import TokenizerStage

    corpus = corpus_stage(config.data)
    tokenizer = TokenizerStage(config.tokenizer, {"corpus": corpus})
    encoded = EncodedStage(EncodedConfig(), {"corpus": corpus, "tokenizer": tokenizer})
    sources: dict[str, Stage[Any]] = {"corpus": corpus, "tokenizer": tokenizer, "encoded": encoded}
    teacher_config = TeacherStageConfig(config.teacher, config.training, config.batching, config.tracking)
    teacher = TeacherStage(teacher_config, sources)
    quality = _quality(config, {**sources, "teacher": teacher})
    judge = _judge(config, quality)
    training = config.training, config.batching, config.tracking
    loop = add_rounds(config.backtranslation, *training, sources, teacher, judge)
    compared = [EvaluationStage(config.evaluation, {"corpus": corpus, "model": loop.final}, system="teacher")]
    if loop.without:
        inputs = {"corpus": corpus, "model": loop.without}
        compared.append(EvaluationStage(config.evaluation, inputs, system=WITHOUT))
    told = [*corpus.inputs.values(), *sources.values(), teacher, *compared]
    told += _backtranslation(config, loop.rounds, compared)
    told += _distillation(config, {**sources, "teacher": loop.final})
    told += [*_external(config, corpus), *quality]
    told += _scored(config, quality, [stage for stage in told if stage.name.partition("_")[0] == "evaluation"])
    return [*told, ReportStage(config.evaluation, {stage.name: stage for stage in told})]


def _judge(config: RunConfig, quality: Stages) -> "QualityInput | None":
    """The quality estimation of the first teacher, for rounds whose filter asks for it (`filter.min_qe`)."""
    from backtranslation.candidate_stages import QualityInput
    from qe_model.scoring.filter_scorer import load_filter

    if not config.backtranslation.rounds or config.backtranslation.filter.min_qe is None:
        return None
    return next((QualityInput(stage, load_filter) for stage in quality if stage.name == "qe"), None)


def _backtranslation(config: RunConfig, rounds: list[Any], evaluations: list[Any]) -> Stages:
    """The rounds, and what the report says of them; nothing in a run without."""
    from backtranslation.report import BacktranslationReportConfig, BacktranslationReportStage

    if not rounds:
        return []
    inputs = {stage.name: stage for stage in rounds} | dict(zip(("with", "without"), evaluations, strict=False))
    told = BacktranslationReportConfig(seed=config.evaluation.seed)
    return [*rounds, BacktranslationReportStage(told, inputs)]


def _distillation(config: RunConfig, sources: Mapping[str, Stage[Any]]) -> Stages:
    """The student, its control, its exports, and an evaluation of each; nothing in a run without."""
    from distillation.stages import distillation_stages, open_export
    from eval.evaluation.stage import EvaluationStage

    learning = config.distillation
    training = config.training, config.batching, config.tracking
    made = distillation_stages(config.student, learning, *training, sources)
    by_name = {stage.name: stage for stage in made}
    evaluations: Stages = []
    for name in ("student", "student_export", "student_no_kd"):
        if name not in by_name:
            continue
        inputs = {"corpus": sources["corpus"], "model": by_name[name]}
        if name != "student_export":
            evaluations.append(EvaluationStage(config.evaluation, inputs, system=name))
            continue
        for engine in learning.export.engines[:1]:
            evaluations.append(EvaluationStage(config.evaluation, inputs, INT8, engine, open_export))
    return [*made, *evaluations]


def _external(config: RunConfig, corpus: Stage[Any]) -> Stages:
    """Systems that the run did not make, on its test set."""
    from eval.evaluation.external import ExternalConfig, ExternalEvaluationStage

    common = config.evaluation.of_one_system
    return [
        ExternalEvaluationStage(ExternalConfig(system, common), {"corpus": corpus})
        for system in config.evaluation.systems
    ]


def _scored(config: RunConfig, quality: Stages, evaluations: Stages) -> Stages:
    """The outputs of every system scored by the model of quality estimation; nothing in a run without."""
    from qe_model.scoring.stage import QualityStage, QualityStageConfig

    model = next((stage for stage in quality if stage.name == "qe"), None)
    if model is None:
        return []
    settings = QualityStageConfig(config.evaluation.quality_messages, config.evaluation.seed)
    return [
        QualityStage(settings, {"evaluation": stage, "qe": model}, stage.name.replace("evaluation", QualityStage.name))
        for stage in evaluations
    ]


def _quality(config: RunConfig, sources: Mapping[str, Stage[Any]]) -> Stages:
    """Annotations, the model of quality estimation and its evaluation; nothing in a run without."""
    from qe_model.data_stage import QEDataStage
    from qe_model.stages import quality_stages

    if not config.qe.enabled:
        return []
    data = QEDataStage(config.qe_data, {"corpus": sources["corpus"]})
    needed = {name: sources[name] for name in ("corpus", "encoded", "teacher")}
    return [data, *quality_stages(config.qe, config.training, config.batching, config.tracking, data, needed)]
