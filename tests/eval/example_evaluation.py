"""An evaluation of any translator on the example test set, without a corpus or a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.config import EvaluationConfig
from eval.evaluation.stage import SystemEvaluation
from eval.testsets.testset import TestSet
from parley.decoding.protocols import TranslatesMany
from tests.eval import examples


class ExampleEvaluation(SystemEvaluation[EvaluationConfig]):
    """Evaluates a translator that is given, as the system `teacher`."""

    def __init__(self, config: EvaluationConfig, translator: TranslatesMany, data: TestSet | None = None) -> None:
        super().__init__(config, name=f"evaluation_{id(translator)}")  # a process keeps a system open by name
        self.system, self.translator, self.data = "teacher", translator, data or examples.testset()

    @property
    def evaluation(self) -> EvaluationConfig:
        return self.config

    def testset(self, inputs: Mapping[str, Path]) -> TestSet:
        return self.data

    def open(self, inputs: Mapping[str, Path], threads: int) -> TranslatesMany:
        return self.translator

    def facts(self, inputs: Mapping[str, Path]) -> dict[str, Any]:
        return {"systems": {}}
