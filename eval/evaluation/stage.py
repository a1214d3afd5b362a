"""The stage `evaluation`: translate the messages of a test set with one system and score them, by source language."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, TypeVar

from eval.config import EvaluationConfig
from eval.evaluation.latency import measure_latency
from eval.evaluation.shards import Rows, read_shards, translate_shard
from eval.evaluation.summary import decoding_speed, save_tables, summarise
from eval.evaluation.terms import TakesHints, measure_terms, term_shares
from eval.scoring.merging import SCORES_FILE
from eval.systems.export_facts import exported_form
from eval.systems.loading import load_translator
from eval.systems.model_size import model_size
from eval.testsets.perturbations import PERTURBATIONS, WRONG_SOURCE, Perturbation
from eval.testsets.testset import TestSet, from_table
from parley.decoding.protocols import TranslatesMany
from parley.glossary.aligned_words import SAMPLE_ROWS, AlignedWords
from parley.glossary.glossary import Glossary
from parley.languages.identification import LanguageIdentifier
from parley.languages.table import CODES, pair
from parley.metrics.significance import SAMPLES
from parley.pipeline.atomic import write_json
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import NO_INPUTS, Needs, Shard, Stage

ConfigT = TypeVar("ConfigT")
TEACHER: Final = "teacher"
SPLIT: Final = "test"


class OpensForm(Protocol):
    """Opens one form of an exported model: `distillation` has such a function, and it is handed in."""

    def __call__(self, folder: Path, form: str, threads: int) -> TranslatesMany:
        """The form as a translator; `threads` 0 leaves their number to it."""
        ...


class SystemEvaluation(Stage[ConfigT]):
    """One system on one test set. A shard is one source language.

    Its folder: outputs.parquet, message_scores.parquet, outputs_auto_source.parquet and other perturbed samples,
    scores.json.

    Attributes:
        system: its name in the report.
        pairs: directions it translates; empty for those of the evaluation.
        perturbations: names of those that it can be tried with.
        timed: whether its speed says something.
        keeps_threads: whether it must be opened anew to use one thread.
    """

    name = "evaluation"
    version: ClassVar[int] = 6
    keeps_work: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0, accelerators=1)
    system: str
    pairs: Sequence[str] = ()
    perturbations: Sequence[str] = tuple(PERTURBATIONS)
    timed: bool = True
    keeps_threads: bool = False
    samples: int = SAMPLES

    @property
    @abstractmethod
    def evaluation(self) -> EvaluationConfig:
        """What is translated and how it is scored."""

    @abstractmethod
    def testset(self, inputs: Mapping[str, Path]) -> TestSet:
        """The messages."""

    @abstractmethod
    def open(self, inputs: Mapping[str, Path], threads: int) -> TranslatesMany:
        """Load the system; `threads` 0 leaves their number to it."""

    @abstractmethod
    def facts(self, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Further keys of scores.json: `systems` with the system's size."""

    def known(self, inputs: Mapping[str, Path]) -> tuple[Glossary, AlignedWords] | None:
        """Terms that translations are held against, and other words: those of the corpus; None without a glossary."""
        return corpus_words(inputs["corpus"]) if "corpus" in inputs else None

    def shards(self, inputs: Mapping[str, Path]) -> Sequence[Shard]:
        """One for each source language.

        Raises:
            InputError: the test set is empty, or a direction that was asked for has no messages.
        """
        return [Shard(code) for code in dict.fromkeys(pair(direction)[0] for direction in self._rows(inputs))]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Translate the messages out of one language and score them one by one."""
        testset = self.testset(inputs)
        rows = {direction: mine for direction, mine in self._rows(inputs).items() if pair(direction)[0] == shard.name}
        translator = self._translator(inputs)
        tried, config = self._tried(testset), self.evaluation
        translate_shard(translator, self.system, testset, rows, config, tried, _identifier(), out)
        known = self.known(inputs) if config.perturbed_messages else None
        if known and isinstance(translator, TakesHints):
            measure_terms(translator, testset, rows, *known, config.perturbed_messages, config.seed, out)

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Sum up: scores with their intervals, slices, speed."""
        folders = {folder.name: folder for folder in shard_folders(out)}
        found = read_shards([folders[code] for code in CODES if code in folders])
        scores = summarise(found, self.evaluation, self.samples) | self.facts(inputs)
        if terms := term_shares(folders.values()):
            scores["terms"] = {self.system: terms}
        if self.timed:
            messages = self.evaluation.latency_messages
            single = self._translator(inputs, int(self.keeps_threads)) if messages else None
            latency = measure_latency(single, found.stored.outputs, messages, self.evaluation.seed) if single else {}
            scores["speed"] = {self.system: decoding_speed(found, self.evaluation.beam_size) | latency}
        _OPEN.clear()
        save_tables(found, out)
        write_json(out / SCORES_FILE, scores)
        return {"directions": len(scores["pairs"]), "mean": scores["mean"]}

    def _rows(self, inputs: Mapping[str, Path]) -> Rows:
        testset, config = self.testset(inputs), self.evaluation
        chosen = testset.directions(self.pairs or config.pairs)
        return {direction: testset.rows(direction, config.max_messages, config.seed) for direction in chosen}

    def _tried(self, testset: TestSet) -> list[Perturbation]:
        """Another language can be told only where there is a third."""
        third = len(testset.languages) > 2
        return [PERTURBATIONS[name] for name in self.perturbations if third or name != WRONG_SOURCE.name]

    def _translator(self, inputs: Mapping[str, Path], threads: int = 0) -> TranslatesMany:
        """The system, kept open for the next shard in this process."""
        key = repr((self.name, self.config, dict(inputs), threads))
        if key not in _OPEN:
            _OPEN.clear()
            _OPEN[key] = self.open(inputs, threads)
        return _OPEN[key]


class EvaluationStage(SystemEvaluation[EvaluationConfig]):
    """The model of `model` on the held-out messages of `corpus`.

    A run has one per system, named `evaluation` for the teacher and `evaluation_<system>` for any other.
    """

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
        self.keeps_threads = opens is not None

    @property
    def evaluation(self) -> EvaluationConfig:
        """The stage's config."""
        return self.config

    def testset(self, inputs: Mapping[str, Path]) -> TestSet:
        """The held-out messages of the corpus. Raises InputError when there are none."""
        return corpus_testset(inputs["corpus"], SPLIT)

    def open(self, inputs: Mapping[str, Path], threads: int) -> TranslatesMany:
        """The model, or its exported form."""
        if self.opens:
            return self.opens(inputs["model"], self.form, threads)
        return load_translator(inputs["model"], self.config.beam_size)

    def facts(self, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """The size, and what an export says of its eight bits."""
        if not self.form:
            return {"systems": {self.system: model_size(inputs["model"])}}
        size, quantization = exported_form(inputs["model"], self.form)
        return {"systems": {self.system: size}, "quantization": {self.system: quantization}}


@lru_cache(maxsize=1)
def corpus_testset(folder: Path, split: str) -> TestSet:
    """The held-out part of a corpus artifact; kept for the next shard in this process.

    Raises:
        InputError: no row in that split, or not a corpus.
    """
    from parley.corpus.store import Corpus

    corpus = Corpus.open(folder)
    table = corpus.held_out(split, ["row_id", "domain", *corpus.languages])
    return from_table(table, f"corpus, split {split}", corpus.languages)


@lru_cache(maxsize=1)
def corpus_words(folder: Path) -> tuple[Glossary, AlignedWords] | None:
    """The glossary of a corpus and where its words stand, kept for the next shard; None without a glossary."""
    from parley.corpus.corpus_glossary import corpus_glossary
    from parley.corpus.store import Corpus

    corpus = Corpus.open(folder)
    glossary = corpus_glossary(corpus)
    if not glossary.terms:
        return None
    sample = corpus.sample(corpus.languages, count=SAMPLE_ROWS)
    return glossary, AlignedWords({code: sample[code].to_pylist() for code in corpus.languages})


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier()


_OPEN: Final[dict[str, TranslatesMany]] = {}
