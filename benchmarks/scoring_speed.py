"""Seconds that scoring takes, and the paired bootstrap of `eval` beside sacrebleu's own, alternating in one process.

Outputs are references with a sixth of their characters changed, so that no model is needed. Scoring is all that
`report.json` holds of a direction: chrF, chrF++, BLEU, their intervals, off-target rate, copies, empty and loops. The
paired bootstrap is chrF of two systems in each of a few directions; sacrebleu's is `PairedTest`. Both draw the same
samples (seed 12345) and must give the same result; they are timed from the counts per message on, and from the texts.
Here one draw serves all directions of equal size, as in `eval.comparison`; it is drawn anew, and timed, in every round.

    python benchmarks/scoring_speed.py [testset=FILE] [messages=500] [directions=240] [samples=1000] [rounds=3]
"""

import random
import statistics as figures
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from eval.scoring.scoring import score_outputs
from eval.testsets import testset as testsets
from eval.testsets.outputs import SCHEMA
from eval.testsets.testset import TestSet
from parley.config.command_line import argument, run
from parley.languages.identification import LanguageIdentifier
from parley.languages.table import pair
from parley.metrics.chrf import chrf_scores, chrf_statistics
from parley.metrics.ngrams import Ints
from parley.metrics.significance import Bootstrap, sacrebleu_test
from parley.pipeline.errors import InputError

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
    seed: int = argument("of the damage, the choice of messages and the scores' bootstrap", default=1)


def load(arguments: Arguments) -> TestSet:
    """The test set of the arguments."""
    if arguments.testset:
        return testsets.load(Path(arguments.testset), "test")
    from parley.corpus.demo import DemoConfig, compose_demo

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


Case = tuple[list[list[str]], list[str]]  # outputs of both systems, references
Result = list[tuple[float, float, float, float | None]]  # of both: score, mean of samples, half interval, p-value
SEED: Final = 12345  # sacrebleu's


class _Counted(CHRF):
    """sacrebleu's chrF with the counts of both systems found beforehand, so that its bootstrap alone is timed."""

    def __init__(self, systems: Sequence[Sequence[str]], references: Sequence[str]) -> None:
        super().__init__(references=[list(references)])
        counted = super()._extract_corpus_statistics
        self._found = {id(outputs): counted(outputs, None) for outputs in systems}

    def _extract_corpus_statistics(self, hypotheses: Any, references: Any) -> Any:
        return self._found[id(hypotheses)]


def counts(case: Case) -> list[Ints]:
    """chrF counts per message of both systems."""
    return [chrf_statistics(outputs, case[1]) for outputs in case[0]]


def ours(counted: Sequence[Ints], draw: Bootstrap) -> Result:
    """The paired bootstrap of `parley.metrics.significance`, from counts to result."""
    found = sacrebleu_test(counted[0], counted[1], draw, chrf_scores)
    return [(one.score, one.mean, one.ci, one.p_value) for one in found]


def sacrebleus(case: Case, metric: CHRF, samples: int) -> Result:
    """sacrebleu's, as its users call it; the first system is the baseline."""
    named: list[tuple[str, Sequence[str]]] = list(zip(DAMAGE, case[0], strict=True))
    found: Any = PairedTest(named, {"chrF": metric}, None, test_type="bs", n_samples=samples)()[1]["chrF2"]
    return [(one.score, one.mean, one.ci, one.p_value) for one in found]


def compare(cases: Sequence[Case], samples: int, rounds: int, from_texts: bool) -> list[tuple[float, float]]:
    """Seconds of both bootstraps over all cases, by round.

    Raises:
        AssertionError: the results differ by more than sacrebleu's float32.
    """
    counted = [counts(case) for case in cases]
    metrics: list[CHRF] = [_Counted(case[0], case[1]) for case in cases]

    def timed(side: Callable[[int], Result]) -> tuple[float, list[Result]]:
        start = time.perf_counter()
        results = [side(place) for place in range(len(cases))]
        return time.perf_counter() - start, results

    @lru_cache(4)
    def draw(count: int) -> Bootstrap:
        return Bootstrap(count, samples, SEED)

    def here(place: int) -> Result:
        return ours(counts(cases[place]) if from_texts else counted[place], draw(len(counted[place][0])))

    def there(place: int) -> Result:
        metric = CHRF(references=[list(cases[place][1])]) if from_texts else metrics[place]
        return sacrebleus(cases[place], metric, samples)

    seconds = []
    for _ in range(rounds):
        draw.cache_clear()
        (mine, found), (theirs, expected) = timed(here), timed(there)
        for pairs in zip(chain(*found), chain(*expected), strict=True):
            assert np.allclose(pairs[0][:3], pairs[1][:3], rtol=1e-5), pairs
            assert pairs[0][3] == pairs[1][3]  # p-values to the last digit
        seconds.append((mine, theirs))
    return seconds


def cases_of(outputs: dict[str, pa.Table], directions: Sequence[str]) -> list[Case]:
    """Texts of the directions in which the bootstraps are compared."""
    cases = []
    for direction in directions:
        mine = [table.filter(pc.equal(table["pair"], direction)) for table in outputs.values()]
        cases.append(([table["hypothesis"].to_pylist() for table in mine], mine[0]["reference"].to_pylist()))
    return cases


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
    cases = cases_of(outputs, compared)
    print(f"  paired bootstrap of chrF, {', '.join(compared)}, {arguments.rounds} rounds; here, in sacrebleu, ratio:")
    for label, from_texts in (("from counts on", False), ("from texts on", True)):
        rounds = compare(cases, arguments.samples, arguments.rounds, from_texts)
        ratios = sorted(theirs / mine for mine, theirs in rounds)
        mine, theirs = (figures.median(side) for side in zip(*rounds, strict=True))
        spread = f"[{ratios[0]:.1f}-{ratios[-1]:.1f}]"
        print(f"    {label}: {mine:.3f} s, {theirs:.3f} s, {figures.median(ratios):.1f}x {spread}; same results")


if __name__ == "__main__":
    run(main, Arguments)
