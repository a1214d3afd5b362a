"""The stages that ask the teacher: for translations of many messages, and for its distributions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from distillation.config import SequenceTargetsConfig
from distillation.targets.plan import SEQUENCES, TOKENS, CutConfig, identity_of, plan
from parley.pipeline.atomic import remove
from parley.pipeline.stage import Needs, Stage, transient
from training.batches.stream import BatchingConfig


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

    cut: CutConfig
    batching: BatchingConfig
    labels: int
    precision: str = "auto"
    device: str = transient("auto")


@dataclass(frozen=True)
class SequenceTargetsStageConfig:
    """What decides the teacher's translations.

    Attributes:
        sequences: which messages, how they are decoded.
        seed: of the choice of messages and of their noise.
    """

    sequences: SequenceTargetsConfig
    seed: int = 0


class SequenceTargetsStage(Stage[SequenceTargetsStageConfig]):
    """Has `teacher` translate roughened messages of `corpus`, with `tokenizer`; goes on after finished directions."""

    name = SEQUENCES
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0, accelerators=1)
    keeps_work: ClassVar[bool] = True

    def files(self) -> list[Path]:
        """The monolingual files."""
        return [Path(path) for _, path in sorted(self.config.sequences.monolingual.items())]

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Translate and store; see `write_sequences`."""
        import torch

        from distillation.targets.sequence_targets import PARTS, write_sequences
        from parley.decoding.translator import DecodingConfig
        from training.model.loading import Translator

        device = "cuda" if torch.cuda.is_available() else "cpu"
        decoding = DecodingConfig(beam_size=self.config.sequences.beam_size)
        translator = Translator.load(inputs["teacher"], decoding, device)
        facts = write_sequences(
            out, inputs["corpus"], inputs["tokenizer"], translator, self.config.sequences, self.config.seed
        )
        remove(out / PARTS)
        return facts


class TokenTargetsStage(Stage[TokenTargetsStageConfig]):
    """Asks `teacher` about the batches that training on `encoded` (and `sequence_targets`) will take."""

    name = TOKENS
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0, accelerators=1)
    keeps_work: ClassVar[bool] = True

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write the cache; see `write_token_targets`.

        Raises:
            InputError: vocabularies that differ, a cache larger than allowed, a budget in minutes alone.
        """
        import torch

        from distillation.targets.token_targets import write_token_targets
        from distillation.teacher import load_teacher
        from training.batches.encoded import EncodedCorpus
        from training.loop.precision import choose_precision

        config = self.config
        encoded = EncodedCorpus.open(inputs["encoded"])
        identity = identity_of(inputs, encoded, config.cut, config.batching)
        device = torch.device("cpu" if config.device == "cpu" or not torch.cuda.is_available() else "cuda")
        teacher = load_teacher(inputs["teacher"], device, choose_precision(config.precision, device))
        stream = plan(inputs, encoded, config.cut.share, config.batching)
        return write_token_targets(out, stream, teacher, config.cut.tokens, identity, config.labels)
