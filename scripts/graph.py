"""The graph of a run: corpus -> tokenizer -> encoded -> teacher -> evaluation -> report."""

from typing import Any

from pipeline.stage import Stage
from scripts.run_config import RunConfig


def stages(config: RunConfig) -> list[Stage[Any]]:
    """All stages of a run, inputs before those that read them. Model code is imported when a stage runs."""
    from eval.stage import EvaluationStage, ReportStage
    from training.corpus.stage import CorpusStage
    from training.encoded import EncodedStage
    from training.teacher import TeacherStage, TeacherStageConfig
    from training.tokenizer_stage import TokenizerStage

    corpus = CorpusStage(config.data)
    tokenizer = TokenizerStage(config.tokenizer, {"corpus": corpus})
    encoded = EncodedStage(config.encoded, {"corpus": corpus, "tokenizer": tokenizer})
    teacher_config = TeacherStageConfig(config.teacher, config.training, config.batching, config.tracking)
    teacher = TeacherStage(teacher_config, {"corpus": corpus, "tokenizer": tokenizer, "encoded": encoded})
    evaluation = EvaluationStage(config.evaluation, {"corpus": corpus, "model": teacher}, system="teacher")
    sources = {stage.name: stage for stage in (corpus, tokenizer, encoded, teacher, evaluation)}
    return [*sources.values(), ReportStage(config.evaluation, sources)]
