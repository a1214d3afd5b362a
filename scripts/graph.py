"""The graph of a run: corpus -> tokenizer -> encoded -> teacher -> back-translation -> evaluation -> report."""

from typing import Any

from pipeline.stage import Stage
from scripts.run_config import RunConfig


def stages(config: RunConfig) -> list[Stage[Any]]:
    """All stages of a run, inputs before those that read them. Model code is imported when a stage runs.

    The report reads each stage under its name. System `teacher` is the last adopted model: the teacher itself in a run
    without back-translation.
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
    loop = add_rounds(config.backtranslation, config.batching, config.tracking, sources, teacher)
    evaluations = [EvaluationStage(config.evaluation, {"corpus": corpus, "model": loop.final}, system="teacher")]
    if loop.without:
        compared = {"corpus": corpus, "model": loop.without}
        evaluations.append(EvaluationStage(config.evaluation, compared, system=WITHOUT))
    told = [*sources.values(), teacher, *evaluations, *_backtranslation(config, loop.rounds, evaluations)]
    return [*told, ReportStage(config.evaluation, {stage.name: stage for stage in told})]


def _backtranslation(config: RunConfig, rounds: list[Any], evaluations: list[Any]) -> list[Stage[Any]]:
    """The rounds, and what the report says of them; nothing in a run without."""
    from backtranslation.report import BacktranslationReportConfig, BacktranslationReportStage

    if not rounds:
        return []
    inputs = {stage.name: stage for stage in rounds} | dict(zip(("with", "without"), evaluations, strict=False))
    told = BacktranslationReportConfig(config.evaluation.bootstrap_samples, config.evaluation.seed)
    return [*rounds, BacktranslationReportStage(told, inputs)]
