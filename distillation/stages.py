"""Which stages of distillation a run has, and what each of them reads."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distillation.config import DistillationConfig, StudentConfig
from distillation.student.stage import StudentStage, StudentStageConfig, StudentWithoutTeacherStage
from distillation.targets.sequence_targets import SequenceTargetsStage, SequenceTargetsStageConfig
from distillation.targets.token_targets import TokenTargetsStage, TokenTargetsStageConfig, wanted_labels
from parley.pipeline.stage import Stage
from training.batches.stream import BatchingConfig
from training.loop.config import TrackingConfig, TrainingConfig, changed

if TYPE_CHECKING:
    from distillation.runtime.student_runtime import StudentRuntime


@dataclass(frozen=True)
class DistillationStages:
    """The stages of distillation.

    Attributes:
        all: in the order they run in: targets, `student`, its control, `shortlists`, `student_export`.
        student, control, export: of these, the models that are evaluated; the control has had no teacher.
    """

    all: list[Stage[Any]]
    student: Stage[Any]
    control: Stage[Any] | None
    export: Stage[Any]


def distillation_stages(
    student: StudentConfig,
    distillation: DistillationConfig,
    training: TrainingConfig,
    batching: BatchingConfig,
    tracking: TrackingConfig,
    inputs: Mapping[str, Stage[Any]],
) -> DistillationStages:
    """The stages of a run.

    Args:
        training: of the teacher; `distillation.training` says where the student's differs.
        inputs: stages `corpus`, `tokenizer`, `encoded`, `teacher`.
    """
    training = changed(training, "distillation.training", distillation.training)
    data = {name: inputs[name] for name in ("corpus", "tokenizer", "encoded")}
    sources = {**data, "teacher": inputs["teacher"]}
    targets = _target_stages(distillation, training, batching, sources)
    unused = DistillationConfig()  # exports come after training, whose budget is told by itself; the control is apart
    learning = replace(distillation, export=unused.export, training=unused.training, control=unused.control)
    config = StudentStageConfig(student, learning, training, batching, tracking)
    alone = replace(config, distillation=DistillationConfig())
    learner = StudentStage(config, sources | {stage.name: stage for stage in targets})
    control = StudentWithoutTeacherStage(alone, data) if distillation.control else None
    shortlists, export = _export_stages(distillation, data, learner)
    controls = [control] if control else []
    return DistillationStages([*targets, learner, *controls, shortlists, export], learner, control, export)


def _target_stages(
    distillation: DistillationConfig,
    training: TrainingConfig,
    batching: BatchingConfig,
    sources: Mapping[str, Stage[Any]],
) -> list[Stage[Any]]:
    """What the teacher is asked before the student trains."""

    def of(*names: str) -> dict[str, Stage[Any]]:
        return {name: sources[name] for name in names}

    found: list[Stage[Any]] = []
    if distillation.sequences.messages:
        asked = SequenceTargetsStageConfig(distillation.sequences, batching.seed)
        found.append(SequenceTargetsStage(asked, of("corpus", "tokenizer", "teacher")))
    if distillation.tokens.mode == "cached":
        labels = wanted_labels(distillation.tokens, distillation.objective, training, batching)
        temperature, share = distillation.objective.temperature, distillation.sequences.share
        config = TokenTargetsStageConfig(
            distillation.tokens, batching, labels, temperature, share, training.precision, training.device
        )
        planned = {stage.name: stage for stage in found}
        found.append(TokenTargetsStage(config, of("encoded", "teacher") | planned))
    return found


def _export_stages(
    distillation: DistillationConfig, data: Mapping[str, Stage[Any]], student: Stage[Any]
) -> tuple[Stage[Any], Stage[Any]]:
    """What comes of the student once it is trained: its shortlists, and the export that has them in it."""
    from distillation.export.stage import ExportStage
    from distillation.shortlist_stage import ShortlistsConfig, ShortlistsStage

    shortlists = ShortlistsStage(ShortlistsConfig(), {name: data[name] for name in ("tokenizer", "encoded")})
    measured = {"corpus": data["corpus"], "encoded": data["encoded"], "student": student, "shortlists": shortlists}
    return shortlists, ExportStage(distillation.export, measured)


def open_export(folder: Path, form: str, threads: int = 0) -> "StudentRuntime":
    """The form of an engine in an export as a translator, for evaluations; `threads` 0 takes all cores of this process.

    Raises:
        InputError: the folder lacks it, or its engine is not installed.
    """
    from distillation.runtime.student_runtime import StudentRuntime

    return StudentRuntime.load(folder, form, threads or len(os.sched_getaffinity(0)))
