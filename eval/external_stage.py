"""The stage of a system from elsewhere: the messages of the run's test set, translated by it, beside the run's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from eval.config import EvaluationConfig
from eval.stage import corpus_testset
from eval.systems.config import SystemConfig
from parley.pipeline.atomic import remove
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import newest_artifact
from parley.pipeline.stage import Needs, Stage


@dataclass(frozen=True)
class ExternalConfig:
    """One system, and how it is evaluated.

    Attributes:
        system: what it is called, where it lies.
        evaluation: messages and scores.
    """

    system: SystemConfig
    evaluation: EvaluationConfig


class ExternalEvaluationStage(Stage[ExternalConfig]):
    """Translates the held-out messages of `corpus` with a system that the run did not make.

    Named `evaluation_<name of the system>`; its folder is that of `eval.stage.EvaluationStage`.
    """

    name = "evaluation"
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0, accelerators=1)
    keeps_work: ClassVar[bool] = True

    def __init__(self, config: ExternalConfig, inputs: Mapping[str, Stage[Any]]) -> None:
        """Keep the config and the stage `corpus`."""
        super().__init__(config, inputs, f"{self.name}_{config.system.name}")

    def files(self) -> list[Path]:
        """The system, and its tokenizer where that lies elsewhere.

        Raises:
            InputError: nothing there.
        """
        system = self.config.system
        found = [newest_artifact(Path(path)) for path in (system.path, system.tokenizer) if path]
        for path in found:
            if not path.exists():
                raise InputError(f"evaluation.systems, {system.name}: {path}: no such file or folder")
        return found

    def check(self) -> None:
        """Look what kind of system it is.

        Raises:
            InputError: nothing that is known.
        """
        try:
            _ = self.config.system.chosen
        except InputError as error:
            raise InputError(f"evaluation.systems, {self.config.system.name}: {error}") from error

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Translate and score; goes on from the finished source languages of a killed run.

        Raises:
            InputError: a system that cannot be used, or a direction without messages or outputs.
        """
        from eval.systems.evaluating import evaluate_system

        config = self.config
        testset = corpus_testset(inputs["corpus"], config.evaluation.split)
        evaluation = evaluate_system(config.system, testset, config.evaluation, parts=out / "parts")
        evaluation.save(out)
        remove(out / "parts")
        return {"directions": len(evaluation.scores["pairs"]), "mean": evaluation.scores["mean"]}
