"""What a choice of the teacher's training is worth: the same run trained with and without it, compared on dev.

Corpus, vocabulary and encoded store are those of a finished run; every side has the same budget and seed, unless its
own overrides say otherwise. Differences are to the first side, with a bootstrap interval over messages.

    python benchmarks/ablation.py run=runs/demo experiment=demo \\
        common="[training.max_updates=600]" \\
        sides="[teacher.alignment.updates=0, teacher.alignment.updates=400]"
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.time_to_quality import finished
from scripts.command_line import argument, run

if TYPE_CHECKING:
    from eval.testset import TestSet


@dataclass(frozen=True)
class Arguments:
    """What is compared."""

    run: str = argument("folder of a run whose stages corpus, tokenizer and encoded are finished")
    experiment: str = argument("experiment that gives the settings of training")
    sides: list[str] = argument(
        "overrides of each side, several joined by '+'; the first side is what others are held to"
    )
    common: list[str] = argument("overrides of all sides", default=[])
    out: str = argument("folder for the trained models and outputs, kept for another call", default="runs/ablation")
    messages: int = argument("dev messages a direction", default=32)


def main(arguments: Arguments) -> None:
    """Train each side, translate the dev split with it, and print the table."""
    from training.significance import Bootstrap, interval

    folders = {stage: finished(Path(arguments.run) / stage) for stage in ("corpus", "tokenizer", "encoded")}
    testset = _dev(folders["corpus"])
    rows = {direction: testset.rows(direction, arguments.messages) for direction in testset.directions()}
    bootstrap = Bootstrap(len(testset.row_ids), 1000, 1)
    print("side | updates | target tokens | seconds | dev loss | dev chrF | difference to the first side")
    first = None
    for side in arguments.sides:
        facts, points, samples = _side(arguments, side, folders, testset, rows, bootstrap)
        if first is None:
            first = points, samples
        gap, (low, high) = points - first[0], interval(samples - first[1])
        shown = f"{gap:+.2f} [{low:+.2f}, {high:+.2f}]" if first[1] is not samples else ""
        cells = (side, facts["updates"], facts["tokens"], f"{facts['seconds']:.0f}")
        print(*cells, f"{facts['metrics']['dev/loss']:.3f}", f"{points:.2f}", shown, sep=" | ", flush=True)


def _side(
    arguments: Arguments, side: str, folders: Mapping[str, Path], testset: "TestSet", rows: Any, bootstrap: Any
) -> tuple[dict[str, Any], float, Any]:
    """Facts of the training, mean chrF over directions, its bootstrap samples [B]."""
    import numpy as np

    from eval.outputs import translate_directions
    from scripts.composition import compose_config
    from scripts.run_config import RunConfig
    from training.chrf import chrf_score, chrf_scores, chrf_statistics
    from training.teacher import TeacherStage, TeacherStageConfig
    from training.translate import DecodingConfig, Translator

    words = [f"experiment={arguments.experiment}", *arguments.common, *side.split("+")]
    config = compose_config(RunConfig, "pipeline", words)
    out = Path(arguments.out) / hashlib.sha256(repr([*words, *folders.values()]).encode()).hexdigest()[:16]
    out.mkdir(parents=True, exist_ok=True)
    facts = TeacherStage(TeacherStageConfig(config.teacher, config.training, config.batching)).run(out, folders)
    translator = Translator.load(out, DecodingConfig(max_new_tokens=config.batching.max_length))
    table = translate_directions(translator, "teacher", testset, rows).table
    place = {row_id: index for index, row_id in enumerate(testset.row_ids)}
    points, samples = [], []
    for direction in rows:
        chosen = table.filter(np.asarray(table["pair"]) == direction)
        counts = chrf_statistics(chosen["hypothesis"].to_pylist(), chosen["reference"].to_pylist())
        points.append(chrf_score(counts.sum(0)))
        samples.append(chrf_scores(bootstrap.sums(counts, [place[row] for row in chosen["row_id"].to_pylist()])))
    return facts, float(np.mean(points)), np.nanmean(samples, axis=0)


def _dev(corpus: Path) -> "TestSet":
    from eval.stage import corpus_testset

    return corpus_testset(corpus, "dev")


if __name__ == "__main__":
    run(main, Arguments)
