"""Rows per second of processor time through each filter of cleaning, on real rows, one thread.

    python benchmarks/cleaning_speed.py FOLDER/parallel [rows=200000]

Rows are drawn evenly from all files with a fixed seed. "cheap" sums up everything but language identification and
near-duplicates, and is what the goal of 30,000 rows/s is about.
"""

import os
import sys
import time
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus.cleaning import CHUNK_ROWS, Cleaner, apply_filter
from parley.corpus.cleaning_config import CleaningConfig, DuplicatesConfig
from parley.corpus.cleaning_report import CleaningReport, FilterReport
from parley.corpus.decontamination import decontaminate
from parley.corpus.deduplication import remove_near_duplicates
from parley.corpus.filters import Cells
from parley.languages.table import CODES

EXPENSIVE = ("language", "near_duplicates")


def read_rows(folder: Path, count: int) -> pa.Table:
    """`count` rows of all files of a folder, drawn with seed 1, in one table."""
    files = sorted(folder.glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(file) for file in files], promote_options="default").combine_chunks()
    rows = np.sort(np.random.default_rng(1).permutation(table.num_rows)[:count])
    return table.take(rows).combine_chunks()


def seconds_per_filter(table: pa.Table, config: CleaningConfig) -> tuple[dict[str, float], dict[str, FilterReport]]:
    """Seconds that each row-wise filter takes, in order, and its report."""
    seconds = dict.fromkeys(config.steps, 0.0)
    reports = CleaningReport()
    for start in range(0, table.num_rows, CHUNK_ROWS):
        chunk = table.slice(start, CHUNK_ROWS)
        cells, row_ids = Cells(chunk, CODES), chunk["row_id"].combine_chunks()
        for name in config.steps:
            before = time.process_time()
            reports += CleaningReport({name: apply_filter(name, cells, config, row_ids)})
            seconds[name] += time.process_time() - before
    return seconds, reports.filters


def duplicates(exact: bool = True, near: bool = True) -> CleaningConfig:
    """The default settings with one kind of duplicates."""
    return CleaningConfig(duplicates=DuplicatesConfig(exact=exact, near=near))


def main() -> None:
    """Measure and print the table as Markdown."""
    pa.set_cpu_count(1)
    rows = int(sys.argv[2].removeprefix("rows=")) if len(sys.argv) > 2 else 200_000
    table, config = read_rows(Path(sys.argv[1]), rows), CleaningConfig()
    Cleaner(config, CODES).clean(table.slice(0, 1000))  # tables and models are loaded once per process
    seconds, reports = seconds_per_filter(table, config)
    for name, run in (
        ("exact_duplicates", partial(remove_near_duplicates, table, duplicates(near=False))),
        ("near_duplicates", partial(remove_near_duplicates, table, duplicates(exact=False))),
        ("decontamination", partial(decontaminate, table, config)),
    ):
        before = time.process_time()
        reports |= run()[1].filters
        seconds[name] = time.process_time() - before
    cheap = sum(value for name, value in seconds.items() if name not in EXPENSIVE)
    print(f"{table.num_rows} rows, one thread, processor time\n")
    print("| filter | rows/s | rows dropped | cells dropped |\n|---|---:|---:|---:|")
    for name, value in seconds.items():
        report = reports[name]
        cells = report.dropped.total()
        print(f"| {name} | {table.num_rows / value:,.0f} | {report.rows_in - report.rows_out} | {cells} |")
    print(f"| **cheap filters together** | **{table.num_rows / cheap:,.0f}** | | |")
    print(f"| everything | {table.num_rows / sum(seconds.values()):,.0f} | | |")


if __name__ == "__main__":
    main()
