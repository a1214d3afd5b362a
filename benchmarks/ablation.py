"""What a choice is worth in the training of a teacher or student: the same run with and without it, compared on dev.

What the training reads (corpus, vocabulary, encoded store, for a student also its teacher and that one's distributions)
is a finished run's; every side has the same budget and seed, unless its own overrides say otherwise. Differences are to
the first side, with a bootstrap interval over messages.

    python benchmarks/ablation.py run=runs/demo experiment=demo \\
        common="[training.max_updates=600]" \\
        sides="[teacher.warm_start_updates=0, teacher.warm_start_updates=400]"
    python benchmarks/ablation.py run=runs/demo experiment=demo stage=student \\
        common="[distillation=demo, student=demo]" sides="[student.encoder_layers=2, student.encoder_layers=6]"
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.time_to_quality import finished
from parley.config.command_line import argument, run
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from eval.testsets.testset import TestSet


@dataclass(frozen=True)
class Arguments:
    """What is compared."""

    run: str = argument("folder of a run whose stages before the training are finished")
    experiment: str = argument("experiment that gives the settings of training")
    sides: list[str] = argument(
        "overrides of each side, several joined by '+'; the first side is what others are held to"
    )
    common: list[str] = argument("overrides of all sides", default=[])
    stage: str = argument("the training: teacher, student or student_no_kd", default="teacher")
    out: str = argument("folder for the trained models and outputs, kept for another call", default="runs/ablation")
    messages: int = argument("dev messages a direction", default=32)


def main(arguments: Arguments) -> None:
    """Train each side, translate the dev split with it, and print the table."""
    from parley.metrics.significance import Bootstrap, interval

    testset = _dev(finished(Path(arguments.run) / "corpus"))
    rows = {direction: testset.rows(direction, arguments.messages) for direction in testset.directions()}
    bootstrap = Bootstrap(len(testset.row_ids), 1000, 1)
    print("side | parameters | updates | target tokens | seconds | dev loss | dev chrF | difference to the first side")
    first = None
    for side in arguments.sides:
        facts, points, samples = _side(arguments, side, testset, rows, bootstrap)
        if first is None:
            first = points, samples
        gap, (low, high) = points - first[0], interval(samples - first[1])
        shown = f"{gap:+.2f} [{low:+.2f}, {high:+.2f}]" if first[1] is not samples else ""
        cells = (side, f"{facts['params']:,}", facts["updates"], facts["tokens"], f"{facts['seconds']:.0f}")
        print(*cells, f"{facts['metrics']['dev/loss']:.3f}", f"{points:.2f}", shown, sep=" | ", flush=True)


def _side(
    arguments: Arguments, side: str, testset: "TestSet", rows: Any, bootstrap: Any
) -> tuple[dict[str, Any], float, Any]:
    """Facts of the training, mean chrF over directions, its bootstrap samples [B]."""
    import numpy as np

    from eval.testsets.outputs import translate_directions
    from parley.config.composition import compose_config
    from parley.decoding.translator import DecodingConfig
    from parley.metrics.chrf import Chrf, chrf_statistics
    from scripts.graph import stages
    from scripts.run_config import RunConfig
    from training.model.loading import Translator

    words = [f"experiment={arguments.experiment}", *arguments.common, *side.split("+")]
    config = compose_config(RunConfig, "pipeline", words)
    stage = next((stage for stage in stages(config) if stage.name == arguments.stage), None)
    if stage is None:
        raise InputError(f"the run of {' '.join(words)} has no stage {arguments.stage}")
    folders = {name: finished(Path(arguments.run) / read.name) for name, read in stage.inputs.items()}
    out = Path(arguments.out) / hashlib.sha256(repr([stage.config, *folders.values()]).encode()).hexdigest()[:16]
    out.mkdir(parents=True, exist_ok=True)
    facts = stage.run(out, folders)
    translator = Translator.load(out, DecodingConfig(max_new_tokens=config.batching.max_length))
    table = translate_directions(translator, arguments.stage, testset, rows).table
    place = {row_id: index for index, row_id in enumerate(testset.row_ids)}
    points, samples = [], []
    for direction in rows:
        chosen = table.filter(np.asarray(table["pair"]) == direction)
        counts = chrf_statistics(chosen["hypothesis"].to_pylist(), chosen["reference"].to_pylist())
        points.append(Chrf().score(counts.sum(0), ""))
        samples.append(Chrf().scores(bootstrap.sums(counts, [place[row] for row in chosen["row_id"].to_pylist()])))
    return facts, float(np.mean(points)), np.nanmean(samples, axis=0)


def _dev(corpus: Path) -> "TestSet":
    from eval.evaluation.stage import corpus_testset

    return corpus_testset(corpus, "dev")


if __name__ == "__main__":
    run(main, Arguments)
