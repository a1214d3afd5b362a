"""The stages of distillation: the teacher's translations, its distributions, the student, the student without it."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from distillation.config import (
    DistillationConfig,
    SequenceTargetsConfig,
    StudentConfig,
    TokenTargetsConfig,
)
from pipeline.atomic import raise_if_full, remove, write_json
from pipeline.errors import InputError
from pipeline.stage import Stage, transient
from training.batching import BatchingConfig
from training.tracking import check_tracking
from training.trainer_config import TrackingConfig, TrainingConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from distillation.pupil import StudentTask
    from distillation.targets import Identity
    from training.encoded import EncodedCorpus
    from training.prefetch import StreamLike
    from training.processes import Processes
    from training.trainer import TrainResult

RESULT: Final = "result.json"
SEQUENCES: Final = "sequence_targets"
TOKENS: Final = "token_targets"


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


@dataclass(frozen=True)
class TokenTargetsStageConfig:
    """What decides the cache of token-level targets.

    Attributes:
        cut: how distributions are cut, at which temperature.
        batching: the plan.
        labels: how many are covered, at least.
        precision: of the teacher's forward.
        device: `auto` or `cpu`.
    """

    cut: "CutConfig"
    batching: BatchingConfig
    labels: int
    precision: str = "auto"
    device: str = transient("auto")


@dataclass(frozen=True)
class CutConfig:
    """What the content of the cache depends on besides teacher and data.

    Attributes:
        tokens: pieces, draws, shards.
        temperature: of the teacher's distributions.
        share: of the batches that come from the teacher's translations.
    """

    tokens: TokenTargetsConfig
    temperature: float = 1.0
    share: float = 0.0


class SequenceTargetsStage(Stage[SequenceTargetsConfig]):
    """Has `teacher` translate roughened messages of `corpus`, with `tokenizer`; goes on after finished directions."""

    name = SEQUENCES
    keeps_work: ClassVar[bool] = True

    def files(self) -> list[Path]:
        """The monolingual files."""
        return [Path(path) for _, path in sorted(self.config.monolingual.items())]

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Translate and store; see `write_sequences`."""
        import torch

        from distillation.sequences import PARTS, write_sequences
        from training.translate import DecodingConfig, Translator

        device = "cuda" if torch.cuda.is_available() else "cpu"
        decoding = DecodingConfig(beam_size=self.config.beam_size, batch_size=self.config.batch_size)
        translator = Translator.load(inputs["teacher"], decoding, device)
        facts = write_sequences(out, inputs["corpus"], inputs["tokenizer"], translator, self.config)
        remove(out / PARTS)
        return facts


class TokenTargetsStage(Stage[TokenTargetsStageConfig]):
    """Asks `teacher` about the batches that training on `encoded` (and `sequence_targets`) will take."""

    name = TOKENS
    keeps_work: ClassVar[bool] = True

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write the cache; see `write_token_targets`.

        Raises:
            InputError: vocabularies that differ, a cache larger than allowed, a budget in minutes alone.
        """
        import torch

        from distillation.targets import write_token_targets
        from distillation.teacher_states import load_teacher
        from training.encoded import EncodedCorpus
        from training.precision import choose_precision

        config = self.config
        encoded = EncodedCorpus.open(inputs["encoded"])
        identity = identity_of(inputs, encoded, config.cut, config.batching)
        device = torch.device("cpu" if config.device == "cpu" or not torch.cuda.is_available() else "cuda")
        teacher = load_teacher(inputs["teacher"], device, choose_precision(config.precision, device))
        stream = plan(inputs, encoded, config.cut.share, config.batching)
        return write_token_targets(out, stream, teacher, config.cut.tokens, identity, config.labels)


def wanted_labels(tokens: TokenTargetsConfig, training: TrainingConfig, batching: BatchingConfig) -> int:
    """Labels to cache: as set, or as many as training will see.

    Raises:
        InputError: training has a budget in minutes alone.
    """
    if tokens.tokens:
        return tokens.tokens
    by_updates = training.max_updates * (training.update_tokens + batching.batch_tokens - 1)  # of an update, at most
    budgets = [budget for budget in (training.max_tokens, by_updates) if budget]
    if not budgets:
        raise InputError("training has a budget in minutes alone: set distillation.tokens.tokens")
    return min(budgets)


def cut_of(distillation: DistillationConfig) -> CutConfig:
    """What of the settings the cache depends on."""
    return CutConfig(distillation.tokens, distillation.objective.temperature, distillation.sequences.share)


def plan(
    inputs: Mapping[str, Path],
    encoded: "EncodedCorpus",
    share: float,
    batching: BatchingConfig,
    rank: int = 0,
    world: int = 1,
) -> "StreamLike":
    """Batches of a process: human data, and with `sequence_targets` a share from the teacher's translations.

    The order over all processes is that of one process, so the cache serves any number of them.
    """
    from distillation.sequences import SequenceStream
    from distillation.streams import EveryNth, MixedStream
    from training.batching import BatchStream

    if SEQUENCES not in inputs:
        return BatchStream(encoded, batching, "train", rank, world)
    mixed = MixedStream(
        BatchStream(encoded, batching, "train"),
        SequenceStream(inputs[SEQUENCES], batching),
        share,
    )
    return EveryNth(mixed, rank, world) if world > 1 else mixed


def identity_of(
    inputs: Mapping[str, Path], encoded: "EncodedCorpus", cut: CutConfig, batching: BatchingConfig
) -> "Identity":
    """What a cache of token-level targets must be of.

    Raises:
        InputError: teacher and corpus have different vocabularies.
    """
    from distillation.targets import Identity, corpus_digest, plan_digest, weights_digest
    from training.encoded import EncodedCorpus
    from training.tokenizer import check_vocabulary

    check_vocabulary(inputs["teacher"], encoded.vocabulary_digest)
    facts: list[Any] = [asdict(batching)]
    if SEQUENCES in inputs:
        sequences = EncodedCorpus.open(inputs[SEQUENCES] / "encoded")
        facts += [cut.share, corpus_digest(sequences)]
    tokens = cut.tokens
    return Identity(
        teacher=weights_digest(inputs["teacher"]),
        vocabulary=encoded.vocabulary_digest,
        corpus=corpus_digest(encoded),
        plan=plan_digest(facts),
        top_k=tokens.top_k,
        temperature=cut.temperature,
        sampled=tokens.sampled,
        seed=tokens.seed if tokens.sampled else 0,
    )


class StudentStage(Stage[StudentStageConfig]):
    """Trains the student on `corpus`, `tokenizer`, `encoded`, `teacher`, and targets where there are any.

    Its folder loads with plain `from_pretrained`: weights, tokenizer; besides `training_log.jsonl`.
    """

    name = "student"
    keeps_work: ClassVar[bool] = True
    distributed: ClassVar[bool] = True
    taught: ClassVar[bool] = True

    def files(self) -> list[Path]:
        """The student that is gone on from, when there is one."""
        return [Path(self.config.student.start_from)] if self.config.student.start_from else []

    def check(self) -> None:
        """Hold the tracker against what is installed.

        Raises:
            InputError: the tracker's package is missing.
        """
        check_tracking(self.config.tracking)

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Train, and save the best or final averaged weights.

        Raises:
            InputError: vocabularies that differ, targets of another teacher or corpus, training that diverged.
        """
        if not (out / RESULT).exists():
            self._train(out, inputs)
        for folder in ("checkpoints", "best"):
            remove(out / folder)
        facts: dict[str, Any] = json.loads((out / RESULT).read_text(encoding="utf-8"))
        return facts

    def _train(self, out: Path, inputs: Mapping[str, Path]) -> None:
        from distillation.quantization import int8_in_training
        from training.encoded import EncodedCorpus
        from training.processes import Processes
        from training.tokenizer import check_vocabulary, load_tokenizer
        from training.trainer import Trainer

        config = self.config
        encoded = EncodedCorpus.open(inputs["encoded"])
        for folder in ("tokenizer", "teacher") if self.taught else ("tokenizer",):
            check_vocabulary(inputs[folder], encoded.vocabulary_digest)
        tokenizer = load_tokenizer(inputs["tokenizer"])
        processes = Processes(config.training)
        stream = self._stream(inputs, encoded, processes)
        task = self._task(inputs, encoded, tokenizer, processes)
        facts = {"student": asdict(config.student), "distillation": asdict(config.distillation)}
        trainer = Trainer(
            config.training, task, stream, out, config.tracking, processes, description=self.name, facts=facts
        )
        with int8_in_training(task.model.student) if config.distillation.int8_aware else nullcontext():
            result = trainer.train()
        if processes.is_first:
            self._save(out, task, tokenizer, encoded, result)
        processes.wait()

    def _stream(self, inputs: Mapping[str, Path], encoded: "EncodedCorpus", processes: "Processes") -> "StreamLike":
        from distillation.streams import TaughtStream
        from distillation.targets import TokenTargets
        from training.batching import BatchStream

        config, rank, world = self.config, processes.rank, processes.count
        if not self.taught:
            return TaughtStream(BatchStream(encoded, config.batching, "train", rank, world), None, rank, world)
        cut = cut_of(config.distillation)
        batches = plan(inputs, encoded, cut.share, config.batching, rank, world)
        targets = None
        if TOKENS in inputs:
            targets = TokenTargets(inputs[TOKENS], identity_of(inputs, encoded, cut, config.batching))
        return TaughtStream(batches, targets, rank, world)

    def _task(
        self,
        inputs: Mapping[str, Path],
        encoded: "EncodedCorpus",
        tokenizer: "PreTrainedTokenizerBase",
        processes: "Processes",
    ) -> "StudentTask":
        from distillation.pupil import Pupil, StudentTask
        from distillation.student import build_student, read_loads
        from distillation.teacher_states import load_teacher
        from training.model.modelling import ParleyMoeForConditionalGeneration
        from training.precision import choose_precision
        from training.translate import load_model
        from training.validation import TranslationValidation

        config = self.config
        validation = TranslationValidation(
            encoded, inputs["corpus"], tokenizer, config.batching, config.training.validation
        )
        origin, teacher, objective = None, None, None
        if self.taught:
            objective = config.distillation.objective
            origin = load_model(inputs["teacher"])
            if TOKENS not in inputs or objective.hidden_weight:
                dtype = choose_precision(config.training.precision, processes.device)
                teacher = load_teacher(inputs["teacher"], processes.device, dtype)
        start = origin if isinstance(origin, ParleyMoeForConditionalGeneration) else None
        student = build_student(
            self.student_config(), len(tokenizer), config.training.seed, start,
            read_loads(inputs["teacher"]) if self.taught else None,
        )  # fmt: skip
        if processes.device.type == "cpu":
            student.set_attn_implementation("eager")  # short messages: about twice the speed of sdpa
        width = teacher.config.d_model if teacher is not None and objective and objective.hidden_weight else 0
        return StudentTask(
            Pupil(student, width), validation, objective, tokens=config.distillation.tokens, teacher=teacher
        )

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
        from transformers.utils import logging

        logging.disable_progress_bar()
        try:
            task.model.student.save_pretrained(out)
            tokenizer.save_pretrained(str(out))
        except Exception as error:
            raise_if_full(error, out)
            raise
        params = task.model.student.num_parameters()
        facts = {**asdict(result), "params": params, "active_params": params, "taught": self.taught}
        write_json(out / RESULT, {**facts, "vocabulary_digest": encoded.vocabulary_digest})


class StudentWithoutTeacherStage(StudentStage):
    """The control: the same student and as many updates, cross-entropy on human data, nothing of the teacher's."""

    name = "student_no_kd"
    taught: ClassVar[bool] = False

    def student_config(self) -> StudentConfig:
        """The same size, from random weights."""
        return replace(self.config.student, initialise="random", start_from=None)

    def files(self) -> list[Path]:
        """None."""
        return []


def distillation_stages(
    student: StudentConfig,
    distillation: DistillationConfig,
    training: TrainingConfig,
    batching: BatchingConfig,
    tracking: TrackingConfig,
    inputs: Mapping[str, Stage[Any]],
) -> list[Stage[Any]]:
    """The stages in the order they run in: targets, `student`, its control, `output_lists`, `student_export`.

    None when distillation is not enabled.

    Args:
        inputs: stages `corpus`, `tokenizer`, `encoded`, `teacher`.
    """
    from distillation.export.stage import ExportStage
    from distillation.output_lists import OutputListsStage

    if not distillation.enabled:
        return []
    data = {name: inputs[name] for name in ("corpus", "tokenizer", "encoded")}
    taught = {**data, "teacher": inputs["teacher"]}
    found: list[Stage[Any]] = []
    if distillation.sequences.messages:
        sequences = SequenceTargetsStage(
            distillation.sequences, {name: taught[name] for name in ("corpus", "tokenizer", "teacher")}
        )
        taught, found = {**taught, SEQUENCES: sequences}, [sequences]
    if distillation.tokens.mode == "cached":
        needed = {name: stage for name, stage in taught.items() if name in ("encoded", "teacher", SEQUENCES)}
        labels = wanted_labels(distillation.tokens, training, batching)
        stage_config = TokenTargetsStageConfig(
            cut_of(distillation), batching, labels, training.precision, training.device
        )
        tokens = TokenTargetsStage(stage_config, needed)
        taught, found = {**taught, TOKENS: tokens}, [*found, tokens]
    unused = DistillationConfig()  # lists and exports come after training, whose budget is told by itself
    learning = replace(distillation, lists=unused.lists, export=unused.export, training=unused.training)
    config = StudentStageConfig(student, learning, training, batching, tracking)
    alone = replace(config, distillation=DistillationConfig())
    pupil = StudentStage(config, taught)
    lists = OutputListsStage(distillation.lists, {name: data[name] for name in ("tokenizer", "encoded")})
    measured = {"corpus": data["corpus"], "encoded": data["encoded"], "student": pupil, "output_lists": lists}
    export = ExportStage(distillation.export, measured)
    return [*found, pupil, StudentWithoutTeacherStage(alone, data), lists, export]
