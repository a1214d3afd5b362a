"""Seconds that scoring takes, and the paired bootstrap of `eval` beside sacrebleu's own, alternating in one process.

Outputs are references with a sixth of their characters changed, so that no model is needed. Scoring is all that
`report.json` holds of a direction: chrF, chrF++, BLEU, their intervals, off-target rate, copies, empty and loops. The
paired bootstrap is chrF of two systems in each of a few directions, from the texts on; sacrebleu's is `PairedTest`.

    python benchmarks/scoring_speed.py [testset=FILE] [messages=500] [directions=240] [samples=1000] [rounds=3]
"""

import random
import statistics as figures
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from eval import testset as testsets
from eval.metrics import statistics
from eval.outputs import SCHEMA
from eval.scoring import score_outputs
from eval.testset import TestSet
from pipeline.errors import InputError
from scripts.command_line import argument, run
from training.chrf import chrf_scores
from training.language_id import LanguageIdentifier
from training.languages import pair
from training.significance import Bootstrap, paired_difference

DAMAGE: Final = {"a": 6, "b": 5}  # system -> one character in so many is changed


@dataclass(frozen=True)
class Arguments:
    """What is scored."""

    testset: str = argument("Parquet, TSV or CSV with a column per language; empty: the demo corpus", default="")
    messages: int = argument("messages per direction at most", default=500)
    directions: int = argument("directions, the first of the test set's", default=240)
    samples: int = argument("bootstrap samples of both", default=1000)
    compared: int = argument("directions in which the paired bootstraps are compared", default=4)
    rounds: int = argument("alternations of the paired bootstraps", default=3)
    seed: int = argument("of the damage, the choice of messages and the bootstraps", default=1)


def load(arguments: Arguments) -> TestSet:
    """The test set of the arguments."""
    if arguments.testset:
        return testsets.load(Path(arguments.testset), "test")
    from training.corpus.demo import DemoConfig, compose_demo

    table = compose_demo(DemoConfig(dev_rows=0, test_rows=arguments.messages, seed=arguments.seed))
    return testsets.from_table(table.filter(pc.equal(table["split"], "test")), "demo corpus")


def damaged(text: str, one_in: int, generator: random.Random) -> str:
    """The text with characters replaced by others of the same text."""
    letters = list(text)
    for place in range(len(letters)):
        if generator.randrange(one_in) == 0:
            letters[place] = generator.choice(text)
    return "".join(letters)


def make_outputs(data: TestSet, arguments: Arguments, system: str, directions: Sequence[str]) -> pa.Table:
    """A table of outputs as evaluation writes it."""
    generator = random.Random(f"{arguments.seed} {system}")
    lines = []
    for direction in directions:
        source, target = (data.texts[code] for code in pair(direction))
        for row in data.rows(direction, arguments.messages, arguments.seed):
            reference = target[row] or ""
            output = damaged(reference, DAMAGE[system], generator)
            lines.append(
                (direction, system, data.row_ids[row], data.domains[row], source[row] or "", reference, output)
            )
    return pa.table(dict(zip(SCHEMA.names, map(list, zip(*lines, strict=True)), strict=True)), schema=SCHEMA)


def ours(systems: Sequence[Sequence[str]], references: Sequence[str], target: str, samples: int, seed: int) -> None:
    """The paired bootstrap of `eval`, from texts to interval."""
    counts = [statistics(outputs, references, target).chrf for outputs in systems]
    bootstrap = Bootstrap(len(references), samples, seed)
    paired_difference(counts[0], counts[1], range(len(references)), bootstrap, chrf_scores)


def sacrebleus(systems: Sequence[Sequence[str]], references: Sequence[str], samples: int) -> None:
    """sacrebleu's, as its users call it."""
    named: list[tuple[str, Sequence[str]]] = [(n, list(o)) for n, o in zip(DAMAGE, systems, strict=True)]
    PairedTest(named, {"chrF": CHRF(references=[list(references)])}, None, test_type="bs", n_samples=samples)()


def compare(outputs: dict[str, pa.Table], directions: Sequence[str], arguments: Arguments) -> list[tuple[float, float]]:
    """Seconds of both bootstraps over the directions, by round."""
    cases = []
    for direction in directions:
        mine = {name: table.filter(pc.equal(table["pair"], direction)) for name, table in outputs.items()}
        texts = [table["hypothesis"].to_pylist() for table in mine.values()]
        cases.append((texts, mine["a"]["reference"].to_pylist(), pair(direction)[1]))

    def seconds(side: Callable[[], None]) -> float:
        start = time.perf_counter()
        side()
        return time.perf_counter() - start

    def all_of_ours() -> None:
        for texts, references, target in cases:
            ours(texts, references, target, arguments.samples, arguments.seed)

    def all_of_sacrebleus() -> None:
        for texts, references, _ in cases:
            sacrebleus(texts, references, arguments.samples)

    return [(seconds(all_of_ours), seconds(all_of_sacrebleus)) for _ in range(arguments.rounds)]


def main(arguments: Arguments) -> None:
    """Measure and print."""
    data = load(arguments)
    directions = data.directions()[: arguments.directions]
    if not directions:
        raise InputError(f"directions={arguments.directions}: nothing to score")
    compared = directions[:: max(1, len(directions) // max(1, arguments.compared))][: arguments.compared]
    outputs = {"a": make_outputs(data, arguments, "a", directions), "b": make_outputs(data, arguments, "b", compared)}
    identifier = LanguageIdentifier()
    identifier.identify(["Load the model before the clock starts."])
    start, busy = time.perf_counter(), time.process_time()
    score_outputs(outputs["a"], identifier, arguments.samples, arguments.seed)
    wall, processor = time.perf_counter() - start, time.process_time() - busy
    print(f"{data.name}: {len(directions)} directions, {len(outputs['a']):,} outputs, {arguments.samples} samples")
    print(f"  scoring: {wall:.1f} s, {processor:.1f} s of processor time")
    rounds = compare(outputs, compared, arguments)
    ratios = sorted(theirs / mine for mine, theirs in rounds)
    mine, theirs = (figures.median(side) for side in zip(*rounds, strict=True))
    print(f"  paired bootstrap of chrF, {', '.join(compared)}: {mine:.2f} s here, {theirs:.2f} s in sacrebleu,")
    print(f"    {figures.median(ratios):.1f}x [{ratios[0]:.1f}-{ratios[-1]:.1f}] in {arguments.rounds} rounds")


if __name__ == "__main__":
    run(main, Arguments)
