"""Many rows through corpus, tokenizer, encoding and the first batches: seconds, rows/s and memory of each stage.

Rows are made in four languages from pairs of given messages, put one behind the other; every eighth repeats an earlier
row, every sixteenth nearly. Memory is the sum over all processes, each shared page counted once (PSS), every quarter of
a second.

    python benchmarks/data_scale.py rows=2000000 [workers=2] [root=FOLDER] [out=FOLDER]

`root` holds Parquet files with a column per language; without it the messages are those of the demo corpus.
"""

import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parley.config.command_line import run
from parley.corpus.config import CorpusConfig
from parley.corpus.demo import DemoConfig, compose_demo
from parley.corpus.source_config import SourceConfig
from parley.corpus.stage import corpus_stage
from parley.pipeline.executors.config import ExecutorConfig
from parley.pipeline.executors.executor import make_executor
from parley.pipeline.runner import run_stages
from parley.pipeline.stage import Stage
from training.batches.encoded import EncodedCorpus
from training.batches.encoding import EncodedConfig, EncodedStage
from training.batches.stream import BatchingConfig, BatchStream
from training.tokenizer import TokenizerConfig
from training.tokenizer_stage import TokenizerStage

LANGUAGES: Final = ("en", "es", "fr", "th")
_FILE_ROWS: Final = 1_000_000
_GROUP_ROWS: Final = 50_000
_POOL: Final = 50_000  # given messages that are combined
_HELD_OUT: Final = 2_000  # rows of dev, and of test: they do not grow with the corpus


@dataclass(frozen=True)
class Arguments:
    """What is measured.

    Attributes:
        rows: rows of the source.
        workers: processes.
        root: folder of Parquet files whose messages are combined; empty: the demo corpus.
        out: folder to work in, which is kept; empty: a temporary one.
    """

    rows: int = 200_000
    workers: int = 1
    root: str = ""
    out: str = ""


def messages(root: str) -> pa.Table:
    """Messages that all four languages have."""
    if not root:
        return compose_demo(DemoConfig(train_rows=12_000, withhold_pairs=[])).select(LANGUAGES)
    tables = []
    for path in sorted(Path(root).glob("*.parquet")):
        if set(LANGUAGES) <= set(pq.read_schema(path).names):
            tables.append(pq.read_table(path, columns=list(LANGUAGES)).drop_null())
    pool = pa.concat_tables(tables)
    return pool.take(np.random.default_rng(1).permutation(pool.num_rows)[:_POOL])


def write_source(folder: Path, rows: int, root: str) -> None:
    """Files of up to a million rows."""
    folder.mkdir(parents=True, exist_ok=True)
    pool, draw = messages(root), np.random.default_rng(1)
    for number, start in enumerate(range(0, rows, _FILE_ROWS)):
        count = min(_FILE_ROWS, rows - start)
        pairs = draw.integers(pool.num_rows, size=(count, 2))
        repeats = np.arange(count) % 16
        pairs[repeats == 3] = pairs[np.flatnonzero(repeats == 3) // 2]  # exact
        pairs[repeats == 9] = pairs[np.flatnonzero(repeats == 9) // 2]
        pairs[repeats == 12] = pairs[np.flatnonzero(repeats == 12) // 2]
        behind = pa.array(np.where(repeats == 12, " ok gg", ""))  # nearly
        columns = {
            code: pa.compute.binary_join_element_wise(
                pool[code].take(pairs[:, 0]), pool[code].take(pairs[:, 1]), pa.array([""] * count), " "
            )
            for code in LANGUAGES
        }
        columns = {code: pa.compute.binary_join_element_wise(text, behind, "") for code, text in columns.items()}
        pq.write_table(pa.table(columns), folder / f"made-{number:03d}.parquet", row_group_size=_GROUP_ROWS)


class Memory:
    """The largest sum of the memory of this process and all below it, in bytes, while it is watched."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.25):
            self.peak = max(self.peak, sum(_memory(process) for process in _family(os.getpid())))


def _family(root: int) -> Iterator[int]:
    """A process and all below it."""
    yield root
    with suppress(OSError):
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _memory(process: int) -> int:
    """Its part of the pages that it holds, without those of files, which can be dropped at any time."""
    with suppress(OSError, StopIteration):
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:])
        return sum(int(lines[key].split()[0]) * 1024 for key in ("Pss_Anon", "Pss_Shmem"))
    return 0


def measured(name: str, rows: int, work: Callable[[], None]) -> float:
    """Do something and print what it took; returns the seconds."""
    started, before = time.perf_counter(), processor_seconds()
    with Memory() as memory:
        work()
    seconds, of_processor = time.perf_counter() - started, processor_seconds() - before
    print(
        f"| {name} | {seconds:.1f} | {of_processor:.1f} | {rows / seconds:,.0f} | {memory.peak / 2**30:.2f} |",
        flush=True,
    )
    return seconds


def processor_seconds() -> float:
    """Of this process and of all that it has started and seen end."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main(arguments: Arguments) -> None:
    """Make the rows, run the stages one after the other, print a line for each."""
    folder = Path(arguments.out or tempfile.mkdtemp())
    write_source(folder / "source", arguments.rows, arguments.root)
    share = _HELD_OUT / arguments.rows
    config = CorpusConfig(sources={"made": SourceConfig(path="made-*.parquet")}, languages=list(LANGUAGES),
                          root=str(folder / "source"), dev_share=share, test_share=share)  # fmt: skip
    corpus = corpus_stage(config)
    tokenizer = TokenizerStage(TokenizerConfig(vocab_size=24_000), {"corpus": corpus})
    encoded = EncodedStage(EncodedConfig(), {"corpus": corpus, "tokenizer": tokenizer})
    executor = ExecutorConfig(cores=arguments.workers)
    folders: dict[str, Path] = {}

    def finish(stage: Stage[object]) -> None:
        folders.update(run_stages([stage], folder / "run", make_executor(executor, folder / "logs")))

    print(f"{arguments.rows:,} rows x {len(LANGUAGES)} languages, {arguments.workers} workers\n")
    print("| stage | seconds | of the processor | rows/s | GiB |\n|---|---:|---:|---:|---:|")
    stages = [*corpus.inputs.values(), corpus, tokenizer, encoded]
    before = processor_seconds()
    seconds = [measured(each.name, arguments.rows, lambda each=each: finish(each)) for each in stages]  # type: ignore[misc]
    seconds.append(measured("200 batches", arguments.rows, lambda: first_batches(folders["encoded"])))
    print(
        f"| **all** | {sum(seconds):.1f} | {processor_seconds() - before:.1f} | "
        f"{arguments.rows / sum(seconds):,.0f} | |"
    )
    if not arguments.out:
        shutil.rmtree(folder)


def first_batches(encoded: Path) -> None:
    """The first 200 batches of a process."""
    for _ in islice(iter(BatchStream(EncodedCorpus.open(encoded), BatchingConfig())), 200):
        pass


if __name__ == "__main__":
    run(main, Arguments)
