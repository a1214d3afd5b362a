"""The stages `evaluation` (translate the held-out messages, score them) and `report` (report.json, index.html)."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from eval.config import EvaluationConfig
from eval.evaluate import evaluate
from eval.exports import exported_form
from eval.report.data import build_report, evaluation_folders, model_size, read_outputs
from eval.report.pages.site import OUTPUTS, PAGES, SCORES
from eval.report.report import write_report
from eval.scoring.quality import quality_folders, read_quality
from eval.testsets.testset import TestSet, from_table
from parley.decoding.protocols import TranslatesMany
from parley.languages.table import CODES
from parley.metrics.message_quality import FILE as QUALITY
from parley.pipeline.atomic import remove
from parley.pipeline.stage import NO_INPUTS, Needs, Stage

TEACHER: Final = "teacher"


class OpensForm(Protocol):
    """Opens one form of an exported model: `distillation` has such a function, and it is handed in."""

    def __call__(self, folder: Path, form: str, threads: int) -> TranslatesMany:
        """The form as a translator; `threads` 0 leaves their number to it."""
        ...


class EvaluationStage(Stage[EvaluationConfig]):
    """Translates the held-out messages of `corpus` with the model of `model` in every direction.

    A run has one per system, named `evaluation` for the teacher and `evaluation_<system>` for any other.
    Its folder: outputs.parquet, outputs_auto_source.parquet (a sample with `auto` as source language), scores.json.
    """

    name = "evaluation"
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0, accelerators=1)
    keeps_work: ClassVar[bool] = True

    def __init__(
        self,
        config: EvaluationConfig,
        inputs: Mapping[str, Stage[Any]] = NO_INPUTS,
        system: str = TEACHER,
        form: str = "",
        opens: OpensForm | None = None,
    ) -> None:
        """Keep what the evaluation depends on, the stages `corpus` and `model`, and the system's name in the report.

        Args:
            form: of an export in the folder of `model`; empty for a folder that is the model.
            opens: how to open that form.
        """
        name = self.name if system == TEACHER else f"{self.name}_{system}"
        super().__init__(config.of_one_system, inputs, name)
        self.system, self.form, self.opens = system, form, opens

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Translate and score; goes on from the finished source languages of a killed run.

        Raises:
            InputError: the split is empty, or a direction that was asked for has no messages.
        """
        from parley.languages.identification import LanguageIdentifier

        testset, parts = corpus_testset(inputs["corpus"], self.config.split), out / "parts"
        opened = partial(self._open, inputs["model"])
        alone = partial(opened, threads=1) if self.opens else None
        evaluation = evaluate(opened(), self.system, testset, self.config, LanguageIdentifier(), parts, alone)
        evaluation.scores.update(self._facts(inputs["model"]))
        evaluation.save(out)
        remove(parts)
        return {"directions": len(evaluation.scores["pairs"]), "mean": evaluation.scores["mean"]}

    def _open(self, folder: Path, threads: int = 0) -> TranslatesMany:
        if self.opens:
            return self.opens(folder, self.form, threads)
        from eval.standalone import load_translator

        translator: TranslatesMany = load_translator(str(folder), self.config)
        return translator

    def _facts(self, folder: Path) -> dict[str, Any]:
        if not self.form:
            return {"systems": {self.system: model_size(folder)}}
        size, quantization = exported_form(folder, self.form)
        return {"systems": {self.system: size}, "quantization": {self.system: quantization}}


class ReportStage(Stage[EvaluationConfig]):
    """Gathers what the other stages found into report.json, and shows it as pages."""

    name = "report"
    version: ClassVar[int] = 3
    published: ClassVar[tuple[str, ...]] = ("report.json", OUTPUTS, SCORES, QUALITY, *PAGES)

    def __init__(self, config: EvaluationConfig, inputs: Mapping[str, Stage[Any]] = NO_INPUTS) -> None:
        """Keep what the report depends on besides the stages that it reads."""
        super().__init__(config.of_one_system, inputs)

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write report.json, its tables and pages from corpus, tokenizer, teacher, evaluations, quality: what there is.

        Raises:
            InputError: a file of an input stage that cannot be read.
        """
        report = build_report(inputs)
        outputs, messages = read_outputs(evaluation_folders(inputs))
        quality = read_quality(quality_folders(inputs))
        write_report(out, report, outputs, messages, self.config, inputs.get("corpus"), quality)
        return {"mean": report.get("mean", {})}


def corpus_testset(folder: Path, split: str) -> TestSet:
    """The held-out part of a corpus artifact.

    Raises:
        InputError: no row in that split, or not a corpus.
    """
    from parley.corpus.store import Corpus

    corpus = Corpus.open(folder)
    languages = [code for code in CODES if code in corpus.languages]
    return from_table(corpus.held_out(split, ["row_id", "domain", *languages]), f"corpus, split {split}", languages)
