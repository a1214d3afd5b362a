"""Seconds from outputs on disk to the whole report: scoring, comparisons, details, every page.

Outputs are references of the demo corpus with some of their characters changed, so that no model is needed; errors of
quality estimation are made up. Each system has a folder with outputs.parquet as a run leaves it. Scoring them line by
line is timed by itself: a run does that right after decoding and keeps the result.

    python benchmarks/report_speed.py [messages=500] [systems=4] [directions=240] [samples=1000] [out=FOLDER]
"""

import os
import random
import tempfile
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import scoring_speed
from benchmarks.scoring_speed import damaged
from eval.config import EvaluationConfig
from eval.report.data import evaluation_report, read_outputs
from eval.report.report import write_report
from eval.scoring.merging import merge_scores
from eval.scoring.message_scores import score_messages
from eval.scoring.quality import add_quality
from eval.scoring.scoring import score_outputs
from eval.testsets.outputs import SCHEMA, write_table
from eval.testsets.testset import TestSet
from parley.config.command_line import argument, run
from parley.languages.identification import LanguageIdentifier
from parley.languages.table import pair
from parley.metrics.message_quality import DIMENSIONS, SEVERITIES
from parley.metrics.message_quality import SCHEMA as QUALITY


@dataclass(frozen=True)
class Arguments:
    """What is reported on."""

    messages: int = argument("messages per direction at most", default=500)
    systems: int = argument("systems side by side", default=4)
    directions: int = argument("directions, the first of the demo corpus", default=240)
    samples: int = argument("bootstrap samples of the intervals", default=1000)
    seed: int = argument("of the damage, the choice of messages and the bootstrap", default=1)
    out: str = argument("folder for the report; empty: a temporary one", default="")


def make_folders(data: TestSet, arguments: Arguments, root: Path) -> list[Path]:
    """A folder with outputs.parquet for each system; later systems have less damage."""
    names = ("teacher", "student", "student_int8", "other", *(f"system{i}" for i in range(4, arguments.systems)))
    folders = []
    for place, system in enumerate(names[: arguments.systems]):
        folder = root / system
        write_table(folder / "outputs.parquet", make_outputs(data, arguments, system, 5 + place))
        folders.append(folder)
    return folders


def make_outputs(data: TestSet, arguments: Arguments, system: str, one_in: int) -> pa.Table:
    """Outputs of one system as evaluation writes them."""
    generator = random.Random(f"{arguments.seed} {system}")
    columns: dict[str, list[str]] = {name: [] for name in SCHEMA.names}
    for direction in data.directions()[: arguments.directions]:
        source, target = (data.texts[code] for code in pair(direction))
        rows = data.rows(direction, arguments.messages, arguments.seed)
        columns["pair"] += [direction] * len(rows)
        columns["system"] += [system] * len(rows)
        columns["row_id"] += [data.row_ids[row] for row in rows]
        columns["domain"] += [data.domains[row] for row in rows]
        columns["source"] += [source[row] or "" for row in rows]
        columns["reference"] += [target[row] or "" for row in rows]
        columns["hypothesis"] += [damaged(target[row] or "", one_in, generator) for row in rows]
    return pa.table(columns, schema=SCHEMA)


def make_quality(outputs: pa.Table, seed: int) -> pa.Table:
    """Two errors in every third output."""
    generator = random.Random(seed)
    rows = outputs.select(["pair", "system", "row_id"]).to_pylist()
    counts = dict.fromkeys((*SEVERITIES, *DIMENSIONS), 0) | {"words": 8, "flags": []}
    for row in rows:
        bad = generator.random() < 1 / 3
        starts = generator.sample(range(12), 2) if bad else []
        spans = [{"start": at, "end": at + 3, "side": "target", "severity": "major"} for at in starts]
        told = [span | {"dimension": "accuracy"} for span in spans]
        row |= counts | {"score": generator.uniform(20, 90) if bad else 100.0, "spans": told}
        row |= {"major": len(spans), "accuracy": len(spans)}
    return pa.Table.from_pylist(rows, schema=QUALITY)


def score_folders(folders: list[Path], arguments: Arguments) -> list[dict[str, Any]]:
    """What an evaluation stage does after decoding: message_scores.parquet, and the contents of scores.json."""
    found = []
    for folder in folders:
        outputs = pq.read_table(folder / "outputs.parquet")
        messages = score_messages(outputs, LanguageIdentifier())
        write_table(folder / "message_scores.parquet", messages)
        found.append(score_outputs(outputs, None, arguments.samples, arguments.seed, messages))
    return found


def read_outputs_only(folders: list[Path]) -> pa.Table:
    """The outputs of all systems."""
    return pa.concat_tables([pq.read_table(folder / "outputs.parquet") for folder in folders])


def main(arguments: Arguments) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(arguments.out or temporary)
        data = scoring_speed.load(scoring_speed.Arguments(messages=arguments.messages, seed=arguments.seed))
        folders = make_folders(data, arguments, out / "evaluations")
        quality = make_quality(read_outputs_only(folders), arguments.seed)
        start = time.perf_counter()
        scores = score_folders(folders, arguments)
        scored = time.perf_counter()
        config = EvaluationConfig(bootstrap_samples=arguments.samples, seed=arguments.seed)
        outputs, messages = read_outputs(folders)
        report = evaluation_report(merge_scores(scores), {}, {"name": "benchmark", "seeds": {}})
        spent = quality_seconds(report, quality, config)
        write_report(out / "report", report, outputs, messages, config, quality=quality)
        end = time.perf_counter()
        print(f"{len(outputs):,} outputs, {len(report['pairs'])} directions, {len(folders)} systems")
        print(f"  {len(os.sched_getaffinity(0))} cores: scoring {scored - start:.1f} s, report {end - scored:.1f} s")
        print(f"  together {end - start:.1f} s; {sizes(out / 'report')}")
        print(f"  quality estimation in it: {spent:.2f} s of processor time, by itself once more")


def quality_seconds(report: dict[str, Any], quality: pa.Table, config: EvaluationConfig) -> float:
    """Processor time of what quality estimation adds to the report."""
    bare, started = deepcopy(report), time.process_time()
    add_quality(bare, quality, config.bootstrap_samples, config.seed)
    return time.process_time() - started


def sizes(folder: Path) -> str:
    """Sizes of the overview and of the largest other page."""
    pages = [path.stat().st_size for path in folder.rglob("*.html") if path.name != "index.html"]
    overview = (folder / "index.html").stat().st_size
    return f"overview {overview / 1000:.0f} kB, largest of {len(pages)} other pages {max(pages) / 1000:.0f} kB"


if __name__ == "__main__":
    run(main, Arguments)
