"""What every reader of a source format does: list its files, show its shape, stream its rows."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import ClassVar, Final

import pyarrow as pa

from parley.corpus.config import CorpusConfig
from parley.corpus.contract import Shape
from parley.corpus.source_config import SourceConfig
from parley.pipeline.errors import InputError
from parley.reading.parquet import BATCH_BYTES, BATCH_ROWS


@dataclass(frozen=True)
class Part:
    """A stretch of a source that can be read alone.

    Attributes:
        file: number of its one file among the reader's; None: all of them.
        start, stop: of what the format counts in a file (Parquet: row groups); 0, 0: all of it.
    """

    file: int | None = None
    start: int = 0
    stop: int = 0


WHOLE: Final = Part()


class Reader(ABC):
    """Reads one source in batches, so that memory does not grow with the source.

    Attributes:
        by_file: each file can be read without the others.
    """

    by_file: ClassVar[bool] = True

    def __init__(self, source: SourceConfig, config: CorpusConfig) -> None:
        """Keep the source. Raises InputError when a setting that the format needs is missing."""
        self.source = source
        self.root = Path(config.root)

    def files(self) -> list[Path]:
        """The files that are read, sorted: the one of that very name, or else all that the glob matches.

        Raises:
            InputError: there is none.
        """
        place = self.root / self.source.path
        if place.is_file():
            return [place]
        names = glob(self.source.path, root_dir=self.root, recursive=True)
        found = sorted(path for path in map(self.root.joinpath, names) if path.is_file())
        if not found:
            raise InputError(f"source '{self.source.name}': no file at {place}")
        return found

    @abstractmethod
    def head(self) -> Shape:
        """The shape as far as it can be seen without reading all of it.

        Raises:
            InputError: the source cannot be read, or lacks a column.
        """

    def parts(self) -> list[Part]:
        """What can be read side by side, in the order of the rows: each file, unless only `max_rows` are wanted."""
        return [Part(n) for n in range(len(self.files()))] if self.by_file and not self.source.max_rows else [WHOLE]

    def tables(self, part: Part = WHOLE) -> Iterator[pa.Table]:
        """The rows up to `max_rows`, in tables of about `BATCH_ROWS`: string columns, named as in the corpus.

        Raises:
            InputError: bad content, with file and row or line.
        """
        return self.limited(self.read(part))

    @abstractmethod
    def read(self, part: Part) -> Iterator[pa.Table]:
        """All rows of a part, as `tables` gives them."""

    def files_of(self, part: Part) -> list[Path]:
        """The files of a part."""
        return self.files() if part.file is None else [self.files()[part.file]]

    def limited(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """The first `max_rows` rows of the tables."""
        left = self.source.max_rows or sys.maxsize
        for table in tables:
            yield table.slice(0, left)
            left -= table.num_rows
            if left <= 0:
                break


def tabulated(rows: Iterable[Sequence[str | None]], names: Sequence[str]) -> Iterator[pa.Table]:
    """Collect rows of strings into tables with the given columns, of up to `BATCH_ROWS` rows or `BATCH_BYTES`."""
    schema = pa.schema([(name, pa.string()) for name in names])
    batch: list[Sequence[str | None]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(cell) for cell in row if cell)
        if len(batch) == BATCH_ROWS or size > BATCH_BYTES:
            yield _table(batch, schema)
            batch, size = [], 0
    if batch:
        yield _table(batch, schema)


def _table(batch: list[Sequence[str | None]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in zip(*batch, strict=True)], schema=schema)
