"""Evaluations of systems from elsewhere: beside a run's own on its test set, or of any file of messages."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from eval.config import EvaluationConfig
from eval.evaluation.stage import SPLIT, ConfigT, SystemEvaluation, corpus_testset
from eval.systems.config import SystemConfig
from eval.systems.loading import open_system
from eval.systems.model_size import model_size
from eval.systems.named_model import named_model
from eval.testsets.perturbations import AUTO_SOURCE, PERTURBATIONS
from eval.testsets.testset import TestSet, load
from parley.decoding.protocols import TranslatesMany
from parley.metrics.significance import SAMPLES
from parley.pipeline.errors import InputError
from parley.pipeline.stage import Stage, transient


class ExternalEvaluation(SystemEvaluation[ConfigT]):
    """A system that the run did not make. What only knows told languages is not asked without; a file has no speed."""

    device: str = "auto"

    def __init__(self, config: ConfigT, inputs: Mapping[str, Stage[Any]], given: SystemConfig) -> None:
        """Keep the config, and the system with what its kind can be asked for."""
        super().__init__(config, inputs, f"{self.name}_{given.name}")
        self.given, self.system, self.pairs = given, given.name, given.pairs

    def files(self) -> list[Path]:
        """The system, and its tokenizer where that lies elsewhere.

        Raises:
            InputError: nothing there.
        """
        found = [named_model(Path(path)).path for path in (self.given.path, self.given.tokenizer) if path]
        for path in found:
            if not path.exists():
                raise InputError(f"evaluation.systems, {self.system}: {path}: no such file or folder")
        return found

    def check(self) -> None:
        """Look what kind of system it is.

        Raises:
            InputError: nothing that is known.
        """
        try:
            _ = self.given.chosen
        except InputError as error:
            raise InputError(f"evaluation.systems, {self.system}: {error}") from error

    @property
    def perturbations(self) -> list[str]:  # type: ignore[override]
        """Those that its kind can be tried with."""
        without = {"outputs": set(PERTURBATIONS), "transformers": {AUTO_SOURCE.name}}.get(self.given.chosen, set())
        return [name for name in PERTURBATIONS if name not in without]

    @property
    def timed(self) -> bool:  # type: ignore[override]
        """Outputs from a file take no time."""
        return self.given.chosen != "outputs"

    @property
    def keeps_threads(self) -> bool:  # type: ignore[override]
        """CTranslate2 has threads of its own."""
        return self.given.chosen == "ctranslate2"

    def open(self, inputs: Mapping[str, Path], threads: int) -> TranslatesMany:
        """The system. Raises InputError when it cannot be used."""
        return open_system(self.given, self.testset(inputs), self.evaluation.beam_size, self.device, threads)

    def facts(self, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """The system's size."""
        return {"systems": {self.system: model_size(named_model(Path(self.given.path)).path)}}


@dataclass(frozen=True)
class ExternalConfig:
    """One system, and how it is evaluated.

    Attributes:
        system: what it is called, where it lies.
        evaluation: messages and scores.
    """

    system: SystemConfig
    evaluation: EvaluationConfig


class ExternalEvaluationStage(ExternalEvaluation[ExternalConfig]):
    """A system on the held-out messages of `corpus`."""

    def __init__(self, config: ExternalConfig, inputs: Mapping[str, Stage[Any]]) -> None:
        """Keep the config and the stage `corpus`."""
        super().__init__(replace(config, evaluation=config.evaluation.of_one_system), inputs, config.system)

    @property
    def evaluation(self) -> EvaluationConfig:
        """What is translated and how it is scored."""
        return self.config.evaluation

    def testset(self, inputs: Mapping[str, Path]) -> TestSet:
        """The held-out messages of the corpus. Raises InputError when there are none."""
        return corpus_testset(inputs["corpus"], SPLIT)


@dataclass(frozen=True)
class FileEvaluationConfig:
    """One system on a file of messages.

    Attributes:
        system: what it is called, where it lies.
        evaluation: messages and scores.
        testset: .parquet, .tsv or .csv with a column per language.
        split: rows of it, where it has a column of that name.
        samples: bootstrap samples behind every interval.
        device: auto, cpu or cuda.
    """

    system: SystemConfig
    evaluation: EvaluationConfig
    testset: str = transient()
    split: str = "test"
    samples: int = SAMPLES
    device: str = transient("auto")


class FileEvaluationStage(ExternalEvaluation[FileEvaluationConfig]):
    """A system on a file of messages, outside a run."""

    keeps_work: ClassVar[bool] = True

    def __init__(self, config: FileEvaluationConfig) -> None:
        """Keep the config."""
        super().__init__(config, {}, config.system)
        self.device, self.samples = config.device, config.samples

    @property
    def perturbations(self) -> list[str]:  # type: ignore[override]
        """Source languages that are not told, where the system can do without."""
        return [name for name in super().perturbations if name == AUTO_SOURCE.name]

    def files(self) -> list[Path]:
        """The system, its tokenizer and the messages."""
        return [*super().files(), Path(self.config.testset)]

    @property
    def evaluation(self) -> EvaluationConfig:
        """What is translated and how it is scored."""
        return self.config.evaluation

    def testset(self, inputs: Mapping[str, Path]) -> TestSet:
        """The messages of the file. Raises InputError when it cannot be used."""
        return load(Path(self.config.testset), self.config.split)
