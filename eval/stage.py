"""The stages `evaluation` (translate the held-out messages, score them) and `report` (report.json, index.html)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from eval.config import EvaluationConfig
from eval.evaluate import evaluate
from eval.pages.site import OUTPUTS, PAGES, SCORES
from eval.report import write_report
from eval.report_data import build_report, evaluation_folders, model_size, read_outputs
from eval.testset import TestSet, from_table
from pipeline.atomic import remove
from pipeline.stage import NO_INPUTS, Stage
from training.languages import CODES

TEACHER: Final = "teacher"


class EvaluationStage(Stage[EvaluationConfig]):
    """Translates the held-out messages of `corpus` with the model of `model` in every direction.

    A run has one per system, named `evaluation` for the teacher and `evaluation_<system>` for any other.
    Its folder: outputs.parquet, outputs_auto_source.parquet (a sample with `auto` as source language), scores.json.
    """

    name = "evaluation"
    keeps_work: ClassVar[bool] = True

    def __init__(
        self, config: EvaluationConfig, inputs: Mapping[str, Stage[Any]] = NO_INPUTS, system: str = TEACHER
    ) -> None:
        """Keep the config, the stages `corpus` and `model`, and the name of the system in the report."""
        super().__init__(config, inputs, self.name if system == TEACHER else f"{self.name}_{system}")
        self.system = system

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Translate and score; goes on from the finished source languages of a killed run.

        Raises:
            InputError: the split is empty, or a direction that was asked for has no messages.
        """
        from eval.standalone import load_translator
        from training.language_id import LanguageIdentifier

        testset = corpus_testset(inputs["corpus"], self.config.split)
        translator = load_translator(str(inputs["model"]), self.config)
        evaluation = evaluate(translator, self.system, testset, self.config, LanguageIdentifier(), out / "parts")
        evaluation.scores["systems"] = {self.system: model_size(inputs["model"])}
        evaluation.save(out)
        remove(out / "parts")
        return {"directions": len(evaluation.scores["pairs"]), "mean": evaluation.scores["mean"]}


class ReportStage(Stage[EvaluationConfig]):
    """Gathers what the other stages found into report.json, and shows it as pages."""

    name = "report"
    version: ClassVar[int] = 2
    published: ClassVar[tuple[str, ...]] = ("report.json", OUTPUTS, SCORES, *PAGES)

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write report.json, its tables and its pages from any of corpus, tokenizer, teacher, and all evaluations.

        Raises:
            InputError: a file of an input stage that cannot be read.
        """
        report = build_report(inputs)
        outputs, messages = read_outputs(evaluation_folders(inputs))
        write_report(out, report, outputs, messages, self.config, inputs.get("corpus"))
        return {"mean": report.get("mean", {})}


def corpus_testset(folder: Path, split: str) -> TestSet:
    """The held-out part of a corpus artifact.

    Raises:
        InputError: no row in that split, or not a corpus.
    """
    from training.corpus.store import Corpus

    corpus = Corpus.open(folder)
    languages = [code for code in CODES if code in corpus.languages]
    return from_table(corpus.table(split, ["row_id", "domain", *languages]), f"corpus, split {split}", languages)
