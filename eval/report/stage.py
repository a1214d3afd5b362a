"""The stage `report`: what the other stages found, as report.json and as pages; details of the directions in shards."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from eval.campaign.people import people
from eval.config import EvaluationConfig
from eval.report.contents import evaluation_folders, read_json, run_report
from eval.report.direction_details import DirectionDetails, describe
from eval.report.pages.site import PAGES
from eval.report.writing import write_report
from eval.scoring.buckets import corpus_frequent
from eval.scoring.merging import SCORES_FILE
from eval.scoring.quality_scores import quality_folders, read_quality
from eval.stored_outputs import OUTPUTS, SCORES, StoredOutputs, read_outputs
from parley.languages.table import pair
from parley.metrics.message_quality import FILE as QUALITY
from parley.metrics.registry import METRICS
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import NO_INPUTS, Shard, Stage


class ReportStage(Stage[EvaluationConfig]):
    """Reads corpus, tokenizer, teacher, evaluations, quality: what there is. A shard describes one source language."""

    name = "report"
    version: ClassVar[int] = 6  # user-written text by direction
    published: ClassVar[tuple[str, ...]] = ("report.json", OUTPUTS, SCORES, QUALITY, *PAGES)

    def __init__(
        self,
        config: EvaluationConfig,
        inputs: Mapping[str, Stage[Any]] = NO_INPUTS,
        judgements: Sequence[Path] = (),
    ) -> None:
        """Keep what the report depends on besides the stages that it reads: files of what people said, too."""
        super().__init__(config.of_one_system, inputs)
        self.judgements = judgements

    def files(self) -> Sequence[Path]:
        """What people said of outputs."""
        return self.judgements

    def shards(self, inputs: Mapping[str, Path]) -> Sequence[Shard]:
        """One for each source language of the evaluations.

        Raises:
            InputError: an evaluation without scores.
        """
        folders = evaluation_folders(inputs)
        found = [direction for folder in folders for direction in read_json(folder / SCORES_FILE).get("pairs", {})]
        return [Shard(code) for code in dict.fromkeys(pair(direction)[0] for direction in found)]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Compare systems, score buckets and choose messages in the directions out of one language."""
        stored = _stored(*evaluation_folders(inputs))
        chosen = [direction for direction in stored.directions if pair(direction)[0] == shard.name]
        frequent = corpus_frequent(inputs["corpus"], [shard.name]) if "corpus" in inputs else {}
        describe(stored, chosen, METRICS[self.config.metrics[0]], frequent, seed=self.config.seed).save(out)

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write report.json, its tables and pages.

        Raises:
            InputError: a file of an input stage that cannot be read.
        """
        report, details = run_report(inputs), DirectionDetails()
        stored = _stored(*evaluation_folders(inputs))
        if self.judgements:
            report["people"] = people(self.judgements, stored)
        for folder in shard_folders(out):
            details.add(folder)
        quality = read_quality(quality_folders(inputs))
        write_report(out, report, stored, self.config.seed, details=details, quality=quality)
        _stored.cache_clear()
        return {"mean": report.get("mean", {})}


@lru_cache(maxsize=1)
def _stored(*folders: Path) -> StoredOutputs:
    """Outputs of all evaluations; kept for the next shard in this process."""
    return read_outputs([folder / OUTPUTS for folder in folders])
