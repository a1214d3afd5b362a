"""Rows per second of processor time through each filter of cleaning, on real rows, one thread.

    python benchmarks/cleaning_speed.py FOLDER/parallel [rows=200000]

Rows are drawn evenly from all files with a fixed seed.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus.cleaned_stage import PARTS, ROWS
from parley.corpus.cleaning import CHUNK_ROWS, Cleaner, apply_filter
from parley.corpus.cleaning_report import CleaningReport, FilterReport
from parley.corpus.config import CleaningConfig
from parley.corpus.decontamination import HeldOutTexts
from parley.corpus.deduplication import exact_duplicates, near_duplicates
from parley.corpus.filters.cells import Cells
from parley.corpus.keys import write_keys
from parley.corpus.numbered import NumberedRows
from parley.languages.table import CODES


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


def seconds_across_rows(table: pa.Table, folder: Path) -> dict[str, float]:
    """Seconds of what compares rows with one another: keys, duplicates, contamination by a tenth of the rows."""
    part = folder / PARTS / "000000"
    part.mkdir(parents=True)
    pq.write_table(table, part / ROWS)
    rows, nothing, held_out = NumberedRows(folder, folder), np.zeros(0, np.int64), table.slice(0, table.num_rows // 10)
    steps: dict[str, Callable[[], object]] = {
        "keys": partial(write_keys, table, part, near=True),
        "exact_duplicates": partial(exact_duplicates, rows, nothing),
        "near_duplicates": partial(near_duplicates, rows, nothing, CODES),
        "decontamination": lambda: HeldOutTexts({code: held_out[code].to_pylist() for code in CODES}).found_in(
            table, np.ones(table.num_rows, bool)
        ),
    }
    seconds = {}
    for name, run in steps.items():
        before = time.process_time()
        run()
        seconds[name] = time.process_time() - before
    rows.close()
    return seconds


def main() -> None:
    """Measure and print the table as Markdown."""
    pa.set_cpu_count(1)
    rows = int(sys.argv[2].removeprefix("rows=")) if len(sys.argv) > 2 else 200_000
    table, config = read_rows(Path(sys.argv[1]), rows), CleaningConfig()
    Cleaner(config, CODES).clean(table.slice(0, 1000))  # tables and models are loaded once per process
    seconds, reports = seconds_per_filter(table, config)
    with TemporaryDirectory() as folder:
        across = seconds_across_rows(table, Path(folder))
    print(f"{table.num_rows} rows, one thread, processor time\n")
    print("| filter | rows/s | rows dropped | cells dropped |\n|---|---:|---:|---:|")
    for name, value in seconds.items():
        report = reports[name]
        cells = report.dropped.total()
        print(f"| {name} | {table.num_rows / value:,.0f} | {report.rows_in - report.rows_out} | {cells} |")
    print(f"| **filters together** | **{table.num_rows / sum(seconds.values()):,.0f}** | | |")
    for name, value in across.items():
        print(f"| {name} | {table.num_rows / value:,.0f} | | |")


if __name__ == "__main__":
    main()
