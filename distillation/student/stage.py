"""The stages that train: the student, and its control without a teacher."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from distillation.config import RANDOM, DistillationConfig, StudentConfig
from training.batches.stream import BatchingConfig
from training.loop.config import TrackingConfig, TrainingConfig
from training.loop.stage import TrainedStage, save_model, write_result

TOKENS: Final = "token_targets"

if TYPE_CHECKING:
    from transformers import M2M100ForConditionalGeneration, PreTrainedModel, PreTrainedTokenizerBase

    from distillation.student.training_task import StudentTask
    from training.batches.encoded import EncodedCorpus
    from training.batches.prefetch import StreamLike
    from training.loop.processes import Processes
    from training.loop.trainer import TrainResult


@dataclass(frozen=True)
class StudentStageConfig:
    """All that the stages of distillation are told.

    Attributes:
        student: size and start.
        distillation: objective and targets.
        training: budget, optimisation, validation.
        batching: sampling of directions and size of batches.
        tracking: experiment tracker.
    """

    student: StudentConfig
    distillation: DistillationConfig
    training: TrainingConfig
    batching: BatchingConfig = field(default_factory=BatchingConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig, metadata={"transient": True})


class StudentStage(TrainedStage[StudentStageConfig]):
    """Trains the student on `corpus`, `tokenizer`, `encoded`, `teacher`, and targets where there are any.

    Its folder loads with plain `from_pretrained`: weights, tokenizer; besides `training_log.jsonl`.
    """

    name = "student"
    version: ClassVar[int] = 5  # goes on with the plan once the teacher has no weight; the teacher's detector
    distilled: ClassVar[bool] = True

    def micro_batches(self) -> tuple[TrainingConfig, int]:
        """Those of the batching that it is told."""
        return self.config.training, self.config.batching.batch_tokens

    def files(self) -> list[Path]:
        """The student that is gone on from, when there is one."""
        return [Path(self.config.student.trained)] if self.config.student.trained else []

    def train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """Train, and save the best or final averaged weights.

        Raises:
            InputError: vocabularies that differ, targets of another teacher or corpus, training that diverged.
        """
        from training.batches.encoded import EncodedCorpus
        from training.loop.processes import Processes
        from training.loop.trainer import Trainer
        from training.tokenizer import check_vocabulary, load_tokenizer

        config = self.config
        encoded = EncodedCorpus.open(inputs["encoded"])
        for folder in ("tokenizer", "teacher") if self.distilled else ("tokenizer",):
            check_vocabulary(inputs[folder], encoded.vocabulary_digest)
        tokenizer = load_tokenizer(inputs["tokenizer"])
        processes = Processes(config.training)
        stream = self._stream(inputs, encoded, processes)
        task = self._task(inputs, encoded, tokenizer, processes)
        facts = {"student": asdict(config.student), "distillation": asdict(config.distillation)}
        trainer = Trainer(
            config.training, task, stream, out, config.tracking, processes, description=self.name, facts=facts
        )
        result = trainer.train()
        if processes.is_first:
            self._save(out, task, tokenizer, encoded, result)
            self._save_detector(out, inputs)
        processes.wait()

    def _stream(self, inputs: Mapping[str, Path], encoded: "EncodedCorpus", processes: "Processes") -> "StreamLike":
        from distillation.targets.batches import StreamWithTargets, training_batches
        from distillation.targets.token_cache import TokenTargets

        config, rank, world = self.config.distillation, processes.rank, processes.count
        batches = training_batches(inputs, encoded, config.sequences.share, self.config.batching, rank, world)
        targets = TokenTargets(inputs[TOKENS]) if TOKENS in inputs else None
        return StreamWithTargets(batches, targets, rank, world, again=config.objective.lasts)

    def _task(
        self,
        inputs: Mapping[str, Path],
        encoded: "EncodedCorpus",
        tokenizer: "PreTrainedTokenizerBase",
        processes: "Processes",
    ) -> "StudentTask":
        from distillation.student.training_task import StudentInTraining, StudentTask
        from training.validation import TranslationValidation

        config = self.config
        scores = TranslationValidation(encoded, inputs["corpus"], tokenizer, config.batching, config.training)
        objective = config.distillation.objective if self.distilled else None
        teacher = self._teacher(inputs, processes)
        student = self._student(inputs, len(tokenizer))
        if processes.device.type == "cpu":
            student.set_attn_implementation("eager")  # short messages: about twice the speed of sdpa
        model = StudentInTraining(student)
        return StudentTask(model, scores, objective, top_k=config.distillation.tokens.top_k, teacher=teacher)

    def _teacher(self, inputs: Mapping[str, Path], processes: "Processes") -> "PreTrainedModel | None":
        """The teacher on the device, where it is asked while the student learns."""
        from distillation.teacher import load_teacher
        from training.loop.precision import choose_precision

        if not self.distilled or TOKENS in inputs:
            return None
        dtype = choose_precision(self.config.training.precision, processes.device)
        return load_teacher(inputs["teacher"], processes.device, dtype)

    def _student(self, inputs: Mapping[str, Path], pieces: int) -> "M2M100ForConditionalGeneration":
        from distillation.student.initialization import build_student, read_loads
        from training.model.loading import load_model
        from training.model.modelling import ParleyMoeForConditionalGeneration

        origin = load_model(inputs["teacher"]) if self.distilled else None
        start = origin if isinstance(origin, ParleyMoeForConditionalGeneration) else None
        loads = read_loads(inputs["teacher"]) if self.distilled else None
        return build_student(self.student_config(), pieces, self.config.training.seed, start, loads)

    def student_config(self) -> StudentConfig:
        """Size and start of this stage's student."""
        return self.config.student

    def _save(
        self,
        out: Path,
        task: "StudentTask",
        tokenizer: "PreTrainedTokenizerBase",
        encoded: "EncodedCorpus",
        result: "TrainResult",
    ) -> None:
        save_model(task.model.student, tokenizer, out)
        params = task.model.student.num_parameters()
        facts = {**asdict(result), "params": params, "active_params": params, "distilled": self.distilled}
        write_result(out, {**facts, "vocabulary_digest": encoded.vocabulary_digest})

    def _save_detector(self, out: Path, inputs: Mapping[str, Path]) -> None:
        """The teacher's detector of source languages goes with the student, which has none."""
        from parley.decoding.detection import Detector
        from training.model.loading import load_model

        if self.distilled and (detector := Detector.of(load_model(inputs["teacher"]))):
            detector.save(out)


class StudentWithoutTeacherStage(StudentStage):
    """The control: the same student and as many updates, cross-entropy on human data, nothing of the teacher's."""

    name = "student_no_kd"
    version: ClassVar[int] = 1
    distilled: ClassVar[bool] = False

    def student_config(self) -> StudentConfig:
        """The same size, from random weights."""
        return replace(self.config.student, start=RANDOM)

    def files(self) -> list[Path]:
        """None."""
        return []
