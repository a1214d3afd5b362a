"""The whole of a run as one typed config; `configs/pipeline.yaml` composes it."""

from dataclasses import dataclass, field
from typing import Any

from backtranslation.config import BacktranslationConfig
from distillation.config import DistillationConfig, StudentConfig
from eval.config import EvaluationConfig
from eval.gates.config import GatesConfig
from parley.corpus.config import CorpusConfig
from parley.languages.table import language
from parley.pipeline.errors import InputError
from parley.pipeline.executors.config import ExecutorConfig
from parley.pipeline.stage import transient
from qe_model.data_config import QEDataConfig
from qe_model.model.config import TEACHER, QEConfig
from training.batches.stream import BatchingConfig
from training.continuation import continuation
from training.loop.config import TrackingConfig, TrainingConfig
from training.model.teacher_config import TeacherConfig
from training.tokenizer import TokenizerConfig


@dataclass(frozen=True)
class RunConfig:
    """One run: `experiment=demo` and the like fill it.

    Attributes:
        name: folder of the run under `runs_root`, and its name in the registry.
        runs_root: where runs, the registry and the digest cache lie.
        plugins: modules that every process imports first: what they register can be named in the config.
        glossary: file of new terms, which experiments such as slang_refresh read as a source.
        seed: the one seed that the seeds of all groups take.
        languages: codes of the languages of the run.
        tick: scheduled form: run what is due under a lock, exit 0 also when there is nothing to do.
        data: sources, cleaning and splits.
        tokenizer: the shared vocabulary.
        batching: sampling of directions and size of batches.
        teacher: size and regularisation of the model.
        training: budget, optimizer and validation.
        continuation: empty, or how training goes on from the promoted teacher when there is new data: `rehearsal`, the
            share of messages that it has seen, and what differs from `training`.
        backtranslation: rounds of synthetic data for rare pairs, and their continued training.
        student: size and start of the student.
        distillation: how the student learns from the last adopted model, and what it is exported to.
        qe: the model of quality estimation.
        qe_data: human annotations to read and errors to make for it.
        tracking: wandb, comet or TensorBoard; off by default.
        evaluation: what is translated and scored.
        gates: what must hold before a model is promoted.
        executor: processes of this machine, or jobs of a cluster; what each stage is given.
    """

    name: str
    seed: int
    languages: list[str]
    data: CorpusConfig
    tokenizer: TokenizerConfig
    batching: BatchingConfig
    teacher: TeacherConfig
    training: TrainingConfig
    backtranslation: BacktranslationConfig
    student: StudentConfig
    distillation: DistillationConfig
    qe: QEConfig
    qe_data: QEDataConfig
    tracking: TrackingConfig
    evaluation: EvaluationConfig
    gates: GatesConfig
    executor: ExecutorConfig
    runs_root: str = transient("runs")
    tick: bool = transient(False)
    plugins: list[str] = field(default_factory=list)
    glossary: str = ""
    continuation: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip("./") or "/" in self.name:
            raise InputError(f"name={self.name}: a run's name is a folder name, without slashes")
        for code in self.languages:
            language(code)
        if self.continuation:
            continuation(self.continuation, self.training)
        if not self.teacher.enabled:
            self._check_without_teacher()

    def _check_without_teacher(self) -> None:
        """Refuse what reads the teacher."""
        readers = {
            "continuation": bool(self.continuation),
            "distillation": self.distillation.enabled,
            "backtranslation": bool(self.backtranslation.rounds),
            f"qe with encoder={TEACHER}": self.qe.enabled and self.qe.reads_teacher,
        }
        if wanting := [name for name, reads in readers.items() if reads]:
            raise InputError(f"teacher=none: {', '.join(wanting)} needs a teacher; choose one, such as teacher=small")
        if not self.qe.enabled:
            raise InputError(
                "teacher=none: the run has nothing but quality estimation; choose one, such as qe=e5_small"
            )
