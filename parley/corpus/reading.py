"""Every source through its reader, completion and the row-wise filters, in several processes.

The parent reads, so that a source is read once and in order; workers complete and clean the batches; results come back
in the order of reading, so the number of workers changes nothing. Each finished source is kept in a file of its own:
a killed run goes on with the next source.
"""

import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.corpus.cleaning import Cleaner
from parley.corpus.cleaning_report import CleaningReport, FilterReport
from parley.corpus.config import CorpusConfig, SourceConfig, named
from parley.corpus.contract import ContractBook, Shape
from parley.corpus.rows import complete, corpus_schema, filled, normalised
from parley.corpus.sources import open_reader
from parley.languages.table import CODES
from parley.pipeline.atomic import replacing, write_json
from parley.pipeline.errors import InputError
from parley.pipeline.progress import ProgressBar, progress_bar

_ROWS_PER_WORKER: Final = 100_000  # fewer rows do not pay for another process
_AHEAD: Final = 3  # batches in flight for each worker


@dataclass(frozen=True)
class Batch:
    """What a worker makes of one table of a reader.

    Attributes:
        rows_in: rows of the table; languages: its filled cells per language.
        rows: those that are left, as corpus rows.
    """

    rows_in: int
    rows: pa.Table
    languages: Counter[str]
    report: CleaningReport


Submit = Callable[[SourceConfig, pa.Table], Future[Batch]]


@dataclass
class ReadSource:
    """A source that was read and cleaned.

    Attributes:
        rows_in: rows of the source; rows_out: those that cleaning left.
    """

    source: SourceConfig
    shape: Shape
    rows_in: int = 0
    rows_out: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    report: CleaningReport = field(default_factory=CleaningReport)

    def observed(self) -> Shape:
        """The shape, with what only reading shows."""
        found = [code for code in CODES if self.languages[code]]
        chosen = self.source.max_rows or self.source.format == "demo"  # then the configuration sets the number of rows
        rows = None if chosen else self.rows_in
        return replace(self.shape, languages=found, rows=rows)


def read_sources(
    config: CorpusConfig, sources: Sequence[SourceConfig], book: ContractBook, folder: Path
) -> list[ReadSource]:
    """Read and clean every source into `<folder>/<number>.parquet`; sources found there already are not read again.

    Raises:
        InputError: bad content of a source, or a shape that breaks its contract.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reads = [ReadSource(source, open_reader(source, config).head()) for source in sources]
    missing = [number for number, read in enumerate(reads) if not _restored(folder, number, read)]
    rows = sum(reads[number].shape.rows or _ROWS_PER_WORKER for number in missing)
    with progress_bar("read and clean rows", rows) as bar, _submitter(config, rows) as submit:
        results = _in_order(_tables(config, sources, missing), submit, _workers(config, rows) * _AHEAD)
        for number in missing:
            read = reads[number]
            _write(read, results, folder / f"{number}.parquet", config, bar)
            book.check(read.source, read.observed())
            write_json(folder / f"{number}.json", _stored(read))
    return reads


def stored_rows(folder: Path, number: int) -> pa.Table:
    """The rows of a source that `read_sources` left in the folder."""
    return pq.read_table(folder / f"{number}.parquet")


def protected_texts(config: CorpusConfig, book: ContractBook) -> tuple[dict[str, list[str]], dict[str, Shape]]:
    """The texts per language of the user's test sets, and the sets' shapes.

    Raises:
        InputError: bad content, or a shape that breaks its contract.
    """
    texts: dict[str, list[str]] = {code: [] for code in config.codes}
    shapes = {}
    for source in named(config.protected):
        reader = open_reader(source, config)
        read = ReadSource(source, reader.head())
        for table in reader.tables():
            found = {code: normalised(table[code]).drop_null() for code in CODES if code in table.column_names}
            read.rows_in += table.num_rows
            read.languages += Counter({code: len(column) for code, column in found.items()})
            for code in texts.keys() & found.keys():
                texts[code] += found[code].to_pylist()
        shapes[source.name] = read.observed()
        book.check(source, shapes[source.name])
    return texts, shapes


def prepare(config: CorpusConfig, source: SourceConfig, table: pa.Table, cleaner: Cleaner) -> Batch:
    """Complete and clean one table of a reader."""
    languages = Counter({code: _texts(table[code]) for code in CODES if code in table.column_names})
    rows = complete(table, source, config.codes, config.min_languages)
    if not source.clean:
        return Batch(table.num_rows, rows, languages, CleaningReport())
    rows, report = cleaner.clean(rows)
    counts = filled({code: rows[code] for code in config.codes}, config.codes, rows.num_rows)
    rows = rows.filter(pa.array(counts >= config.min_languages))  # the filters themselves leave rows of two
    return Batch(table.num_rows, rows, languages, report)


_worker: tuple[CorpusConfig, Cleaner] | None = None  # of a worker process


def _start(config: CorpusConfig) -> None:
    global _worker
    _worker = config, Cleaner(config.cleaning, config.codes)


def _work(source: SourceConfig, table: pa.Table) -> Batch:
    assert _worker is not None
    config, cleaner = _worker
    return prepare(config, source, table, cleaner)


def _workers(config: CorpusConfig, rows: int) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(config.workers or cores, rows // _ROWS_PER_WORKER))


@contextmanager
def _submitter(config: CorpusConfig, rows: int) -> Iterator[Submit]:
    """Gives the function that starts work on a table: in other processes when there is enough of it."""
    workers = _workers(config, rows)
    if workers == 1:
        cleaner = Cleaner(config.cleaning, config.codes)
        yield lambda source, table: _finished(prepare(config, source, table, cleaner))
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _start, (config,)) as pool:
        yield lambda source, table: pool.submit(_work, source, table)


def _finished(batch: Batch) -> Future[Batch]:
    future: Future[Batch] = Future()
    future.set_result(batch)
    return future


def _tables(
    config: CorpusConfig, sources: Sequence[SourceConfig], numbers: Iterable[int]
) -> Iterator[tuple[SourceConfig, pa.Table | None]]:
    """The tables of the sources, None at the end of each."""
    for number in numbers:
        source = sources[number]
        for table in open_reader(source, config).tables():
            yield source, table
        yield source, None


def _in_order(
    tables: Iterator[tuple[SourceConfig, pa.Table | None]], submit: Submit, ahead: int
) -> Iterator[Batch | None]:
    """Results in the order of the tables, with no more than `ahead` of them in flight."""
    flying: deque[Future[Batch] | None] = deque()
    failure: InputError | None = None
    try:
        for source, table in tables:
            flying.append(None if table is None else submit(source, table))
            if len(flying) > ahead:
                yield _result(flying.popleft())
    except InputError as error:
        failure = error  # what was read before it is good, and need not be read again
    yield from map(_result, flying)
    if failure:
        raise failure


def _result(future: Future[Batch] | None) -> Batch | None:
    return None if future is None else future.result()


def _write(
    read: ReadSource, results: Iterator[Batch | None], path: Path, config: CorpusConfig, bar: ProgressBar
) -> None:
    """Take the results up to the end of one source into its file."""
    schema = corpus_schema(config.codes)
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while (batch := next(results)) is not None:
            writer.write_table(batch.rows)
            read.rows_in += batch.rows_in
            read.rows_out += batch.rows.num_rows
            read.languages += batch.languages
            read.report += batch.report
            bar.advance(batch.rows_in, read.source.name)


def _texts(column: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.not_equal(column, "")).as_py() or 0)


def _stored(read: ReadSource) -> dict[str, Any]:
    """What a later attempt needs to know of a source that is done."""
    filters = {name: vars(report) for name, report in read.report.filters.items()}
    counts = {"rows_in": read.rows_in, "rows_out": read.rows_out, "languages": read.languages}
    return {"source": read.source.name, **counts, "filters": filters}


def _restored(folder: Path, number: int, read: ReadSource) -> bool:
    """Fill in a source that an earlier attempt finished."""
    path = folder / f"{number}.json"
    if not path.exists():
        return False
    stored = json.loads(path.read_text(encoding="utf-8"))
    read.rows_in, read.rows_out = stored["rows_in"], stored["rows_out"]
    read.languages = Counter(stored["languages"])
    read.report = CleaningReport({name: _filter_report(values) for name, values in stored["filters"].items()})
    return True


def _filter_report(values: dict[str, Any]) -> FilterReport:
    counters = {key: Counter(value) for key, value in values.items() if isinstance(value, dict)}
    examples = [(rank, example) for rank, example in values["examples"]]
    return FilterReport(**{**values, **counters, "examples": examples})
