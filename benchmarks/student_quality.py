"""What a student, its eight-bit forms and its shortlists cost in chrF, on the test messages of a finished run.

The teacher's outputs are those of its evaluation; every side translates the same messages. Differences to the teacher
and to the float student have 95 % bootstrap intervals over messages. Each engine also translates some messages one by
one: how many come out otherwise than beside others.

    python benchmarks/student_quality.py teacher=runs/NAME/evaluation student=runs/NAME/student \\
        export=runs/NAME/student_export [sides=[torch,onnx+shortlists]] [out=FOLDER]
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.time_to_quality import finished
from parley.config.command_line import argument, run
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from distillation.runtime.student_runtime import StudentRuntime

SIDES: Final = ("torch", "torch+shortlists", "onnx", "onnx+shortlists", "ctranslate2", "ctranslate2+shortlists")
FLOAT: Final = "torch"
SAMPLES: Final = 1000
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Arguments:
    """What is compared."""

    teacher: str = argument("stage folder of the teacher's evaluation: its outputs are the messages")
    export: str = argument("stage folder of the student's export")
    student: str = argument("stage folder of a float student; empty leaves the sides of torch out", default="")
    sides: list[str] = argument(f"of {', '.join(SIDES)}", default=["torch", "torch+shortlists", "onnx+shortlists",
                                                                  "ctranslate2+shortlists"])  # fmt: skip
    messages: int = argument("messages a direction; 0 for all", default=0)
    alone: int = argument("messages that are also translated one by one", default=960)
    out: str = argument("folder that keeps outputs, so that another call goes on; empty for none", default="")


@dataclass(frozen=True)
class Scored:
    """Mean chrF over directions: the point, by direction, and in each bootstrap sample [B]."""

    mean: float
    directions: Mapping[str, float]
    samples: Floats


def main(arguments: Arguments) -> None:
    """Translate and print the table."""
    from parley.metrics.significance import Bootstrap

    unknown = [side for side in arguments.sides if side not in SIDES]
    if unknown:
        raise InputError(f"unknown sides {', '.join(unknown)}; valid: {', '.join(SIDES)}")
    asked = _messages(finished(Path(arguments.teacher)), arguments.messages)
    numbers = {row: place for place, row in enumerate(dict.fromkeys(asked["row_id"].to_pylist()))}
    bootstrap = Bootstrap(len(numbers), SAMPLES, 1)

    def score(hypotheses: Sequence[str]) -> Scored:
        return scored(asked, hypotheses, [numbers[row] for row in asked["row_id"].to_pylist()], bootstrap)

    found = {"teacher": score(asked["hypothesis"].to_pylist())}
    print(f"{len(asked)} messages, {len(found['teacher'].directions)} directions")
    print("side | chrF | share of the teacher's | minus teacher | worst direction | minus float student | same as it"
          " | changed by batch mates | seconds")  # fmt: skip
    print(f"teacher | {found['teacher'].mean:.2f}")
    reference: list[str] = []
    for side in arguments.sides:
        facts = translated(arguments, side, asked)
        found[side] = score(facts["hypotheses"])
        reference = facts["hypotheses"] if side == FLOAT else reference
        _line(side, found, facts, reference)


def _line(side: str, found: Mapping[str, Scored], facts: Mapping[str, Any], reference: Sequence[str]) -> None:
    own, teacher = found[side], found["teacher"]
    worst = min(own.directions, key=lambda pair: own.directions[pair] - teacher.directions[pair])
    same = sum(map(str.__eq__, facts["hypotheses"], reference)) if reference else "-"
    cells = [
        side, f"{own.mean:.2f}", f"{own.mean / teacher.mean:.4f}", difference(own, teacher),
        f"{worst} {own.directions[worst] - teacher.directions[worst]:+.1f}",
        difference(own, found[FLOAT]) if side != FLOAT and FLOAT in found else "-",
        same, f"{facts['changed']} of {facts['alone']}", f"{facts['seconds']:.1f}",
    ]  # fmt: skip
    print(*cells, sep=" | ", flush=True)


def difference(one: Scored, other: Scored) -> str:
    """The difference of two means with its interval."""
    from parley.metrics.significance import interval

    low, high = interval(one.samples - other.samples)
    return f"{one.mean - other.mean:+.2f} [{low:+.2f}, {high:+.2f}]"


def scored(asked: "pa.Table", hypotheses: Sequence[str], numbers: Sequence[int], bootstrap: Any) -> Scored:
    """Mean chrF over the directions of `asked`; `numbers` says which message of the bootstrap a line is."""
    from parley.metrics.chrf import Chrf, chrf_statistics

    counts = chrf_statistics(hypotheses, asked["reference"].to_pylist())
    pairs, rows = np.asarray(asked["pair"].to_pylist()), np.asarray(numbers)
    points, samples = {}, []
    for pair in dict.fromkeys(pairs.tolist()):
        chosen = pairs == pair
        points[pair] = Chrf().score(counts[chosen].sum(0), "")
        samples.append(Chrf().scores(bootstrap.sums(counts[chosen], rows[chosen])))
    return Scored(float(np.mean(list(points.values()))), points, np.nanmean(samples, axis=0))


def translated(arguments: Arguments, side: str, asked: "pa.Table") -> dict[str, Any]:
    """`hypotheses`, `seconds` of the processor, and of messages translated `alone` how many are `changed`."""
    from parley.languages.table import pair

    kept = Path(arguments.out) / f"{side}.json" if arguments.out else None
    if kept is not None and kept.is_file():
        facts: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if len(facts["hypotheses"]) == len(asked):
            return facts
    runtime = open_side(arguments, side)
    sources, targets = zip(*map(pair, asked["pair"].to_pylist()), strict=True)
    texts, start = asked["source"].to_pylist(), time.process_time()
    hypotheses = runtime.translate_many(texts, sources, targets)
    seconds = time.process_time() - start
    few = np.linspace(0, len(texts) - 1, min(arguments.alone, len(texts))).astype(int).tolist()
    changed = sum(runtime.translate([texts[n]], targets[n], sources[n])[0] != hypotheses[n] for n in few)
    facts = {"hypotheses": hypotheses, "seconds": seconds, "alone": len(few), "changed": changed}
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    return facts


def open_side(arguments: Arguments, side: str) -> "StudentRuntime":
    """An engine with or without shortlists.

    Raises:
        InputError: a side of torch without `student`.
    """
    from distillation.runtime.student_runtime import StudentRuntime
    from distillation.shortlists import Shortlists

    engine, _, shortlists = side.partition("+")
    export = finished(Path(arguments.export))
    if engine == FLOAT and not arguments.student:
        raise InputError(f"side {side} needs student=FOLDER")
    runtime = StudentRuntime.load(finished(Path(arguments.student)) if engine == FLOAT else export, engine)
    runtime.shortlists = Shortlists.load(export) if shortlists else None
    return runtime


def _messages(evaluation: Path, most: int) -> "pa.Table":
    """The teacher's outputs, the first `most` of each direction."""
    import pyarrow.parquet as pq

    table = pq.read_table(evaluation / "outputs.parquet")
    if not most:
        return table
    pairs, seen, chosen = table["pair"].to_pylist(), dict.fromkeys(table["pair"].to_pylist(), 0), []
    for line, name in enumerate(pairs):
        seen[name] += 1
        if seen[name] <= most:
            chosen.append(line)
    return table.take(chosen)


if __name__ == "__main__":
    run(main, Arguments)
