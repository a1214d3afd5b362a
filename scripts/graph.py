"""The graph of a run: corpus -> tokenizer -> encoded -> teacher -> back-translation -> student, quality -> report.

One function a room; each gives its stages and takes those that they read.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parley.pipeline.stage import Stage
from scripts.continuation import Start, continued
from scripts.run_config import RunConfig

if TYPE_CHECKING:
    from backtranslation.candidate_stages import QualityInput
    from backtranslation.rounds import RoundStage
    from qe_model.stages import QualityStages

Stages = list[Stage[Any]]
Sources = dict[str, Stage[Any]]
Evaluations = dict[str, Stage[Any]]  # by the system that is evaluated
INT8: Final = "student_int8"  # the exported form that is shipped, the first one


def stages(config: RunConfig) -> Stages:
    """All stages of a run, the report last. Model code is imported when a stage runs.

    The report reads each stage under its name. System `teacher` is the last adopted model: the teacher itself in a run
    without back-translation. The student learns from that model, too. A run without a teacher has quality estimation
    alone.
    """
    from backtranslation.loop import WITHOUT, add_rounds
    from eval.evaluation.stage import TEACHER
    from eval.report.stage import ReportStage

    sources, start = _data(config)
    if not config.teacher.enabled:
        return _quality_alone(config, sources)
    training = config.training, config.batching, config.tracking
    teacher = _teacher(config, sources, start)
    quality = _quality(config, {**sources, "teacher": teacher})
    loop = add_rounds(config.backtranslation, *training, sources, teacher, _judge(config, quality))
    compared = _evaluations(config, sources, {TEACHER: loop.final, WITHOUT: loop.without})
    student, exported = _distillation(config, {**sources, "teacher": loop.final})
    evaluations = compared | exported | _external(config, sources)
    read = [
        *sources["corpus"].inputs.values(),
        *sources.values(),
        teacher,
        *_backtranslation(config, loop.rounds, list(compared.values())),
        *student,
    ]
    read += [*evaluations.values(), *(quality.all if quality else []), *_scored(config, quality, evaluations)]
    return [*read, ReportStage(config.evaluation, {stage.name: stage for stage in read}, _judgements(config))]


def _data(config: RunConfig) -> tuple[Sources, Start | None]:
    """What every model of the run learns from, and what training goes on from, whose vocabulary is kept."""
    from parley.corpus.discovery import discovered
    from parley.corpus.stage import corpus_stage
    from training.batches.encoding import EncodedConfig, EncodedStage
    from training.tokenizer_stage import TokenizerStage

    corpus = corpus_stage(discovered(config.data))
    start = continued(config, corpus)
    tokenizer = TokenizerStage(config.tokenizer, {"corpus": corpus}, start.tokenizer if start else None)
    encoded = EncodedStage(EncodedConfig(), {"corpus": corpus, "tokenizer": tokenizer})
    return {"corpus": corpus, "tokenizer": tokenizer, "encoded": encoded}, start


def _teacher(config: RunConfig, sources: Sources, start: Start | None) -> Stage[Any]:
    """The teacher: begun anew, or trained on from the promoted one."""
    from training.continuation import ContinuedTeacherConfig, ContinuedTeacherStage, continuation
    from training.teacher import TeacherStage, TeacherStageConfig

    if start is None:
        anew = TeacherStageConfig(config.teacher, config.training, config.batching, config.tracking)
        return TeacherStage(anew, sources)
    share, training = continuation(config.continuation, config.training)
    run_dir = str(Path(config.runs_root) / config.name)
    told = ContinuedTeacherConfig(start.model, start.seen, share, training, config.batching, config.tracking, run_dir)
    return ContinuedTeacherStage(told, sources)


def _evaluations(config: RunConfig, sources: Sources, models: Mapping[str, Stage[Any] | None]) -> Evaluations:
    """An evaluation of each model that there is."""
    from eval.evaluation.stage import EvaluationStage

    return {
        system: EvaluationStage(config.evaluation, {"corpus": sources["corpus"], "model": model}, system)
        for system, model in models.items()
        if model
    }


def _external(config: RunConfig, sources: Sources) -> Evaluations:
    """Systems that the run did not make, on its test set."""
    from eval.evaluation.external import ExternalConfig, ExternalEvaluationStage

    common, corpus = config.evaluation.of_one_system, {"corpus": sources["corpus"]}
    told = [ExternalConfig(system, common) for system in config.evaluation.systems]
    return {each.system.name: ExternalEvaluationStage(each, corpus) for each in told}


def _backtranslation(config: RunConfig, rounds: "Sequence[RoundStage]", compared: Stages) -> Stages:
    """The rounds, and what the report says of them; `compared` are the evaluations with, and maybe without, them."""
    from backtranslation.report import BacktranslationReportConfig, BacktranslationReportStage

    if not rounds:
        return []
    inputs = {stage.name: stage for stage in rounds} | dict(zip(("with", "without"), compared, strict=False))
    told = BacktranslationReportConfig(seed=config.evaluation.seed)
    return [*rounds, BacktranslationReportStage(told, inputs)]


def _distillation(config: RunConfig, sources: Sources) -> tuple[Stages, Evaluations]:
    """The student, its control and its exports, and their evaluations; nothing in a run without."""
    from distillation.stages import distillation_stages, open_export
    from eval.evaluation.stage import EvaluationStage

    if not config.distillation.enabled:
        return [], {}
    training = config.training, config.batching, config.tracking
    made = distillation_stages(config.student, config.distillation, *training, sources)
    evaluations = _evaluations(config, sources, {made.student.name: made.student})
    inputs = {"corpus": sources["corpus"], "model": made.export}
    shipped = config.distillation.export.engines[0]
    evaluations[INT8] = EvaluationStage(config.evaluation, inputs, INT8, shipped, open_export)
    controls = {made.control.name: made.control} if made.control else {}
    return made.all, evaluations | _evaluations(config, sources, controls)


def _quality_alone(config: RunConfig, sources: Sources) -> Stages:
    """Quality estimation with a pretrained encoder, and the report; of the corpus what it reads."""
    from eval.report.stage import ReportStage

    quality = _quality(config, sources)
    stages = quality.all if quality else []
    read = [*{id(each): each for stage in stages for each in stage.inputs.values()}.values(), *stages]
    named = {stage.name: stage for stage in read}
    return [*named.values(), ReportStage(config.evaluation, named, _judgements(config))]


def _judgements(config: RunConfig) -> list[Path]:
    """Files in which people judged outputs: quality estimation learns from them, the report shows them."""
    sources = config.qe_data.sources.values()
    return [Path(config.qe_data.root) / source.file for source in sources if source.form == "campaign"]


def _quality(config: RunConfig, sources: Sources) -> "QualityStages | None":
    """Annotations, the model of quality estimation and its evaluation; None in a run without."""
    from qe_model.data_stage import QEDataStage
    from qe_model.stages import quality_stages

    if not config.qe.enabled:
        return None
    read = {"corpus": sources["corpus"]} if config.qe_data.per_language or config.qe.reads_teacher else {}
    data = QEDataStage(config.qe_data, read)
    return quality_stages(config.qe, config.training, config.tracking, data, sources.get("teacher"))


def _judge(config: RunConfig, quality: "QualityStages | None") -> "QualityInput | None":
    """The quality estimation of the first teacher, for rounds whose filter asks for it (`filter.min_qe`)."""
    from backtranslation.candidate_stages import QualityInput
    from qe_model.scoring.filter_scorer import load_filter

    if quality is None or not config.backtranslation.rounds or config.backtranslation.filter.min_qe is None:
        return None
    return QualityInput(quality.model, load_filter)


def _scored(config: RunConfig, quality: "QualityStages | None", evaluations: Evaluations) -> Stages:
    """The outputs of every system scored by the model of quality estimation; nothing in a run without."""
    from eval.evaluation.stage import TEACHER
    from qe_model.scoring.stage import QualityStage, QualityStageConfig

    if quality is None:
        return []
    settings = QualityStageConfig(config.evaluation.quality_messages, config.evaluation.seed)
    kind = QualityStage.name
    return [
        QualityStage(
            settings,
            {"evaluation": evaluation, "qe": quality.model},
            kind if system == TEACHER else f"{kind}_{system}",
        )
        for system, evaluation in evaluations.items()
    ]
