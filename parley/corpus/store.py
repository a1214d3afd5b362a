"""The multiway store: Parquet shards of rows, and `corpus.json` with the counts. It is scanned, never read whole."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from parley.corpus.counts import count
from parley.corpus.sampling import sampled
from parley.corpus.source_config import ROW_COLUMNS, SPLITS
from parley.languages.table import CODES
from parley.pipeline.atomic import replacing, write_json
from parley.pipeline.errors import InputError

FACTS: Final = "corpus.json"
SHARD_ROWS: Final = 262_144
SAMPLE_ROWS: Final = 1_000_000  # of one language some 100 MB
BATCH_ROWS: Final = 16_384
_GROUP_ROWS: Final = 32_768


@dataclass(frozen=True)
class Corpus:
    """A corpus folder, opened for reading.

    Attributes:
        languages: the codes that have a column, in the order of `CODES`.
        facts: what the corpus stage counted.
    """

    folder: Path
    languages: list[str]
    facts: dict[str, Any]

    @classmethod
    def open(cls, folder: Path | str) -> "Corpus":
        """Open the folder that the corpus stage wrote.

        Raises:
            InputError: it is none, or its shards cannot be read.
        """
        path = Path(folder)
        try:
            facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
            names = ds.dataset(shard_files(path)[0]).schema.names
        except (OSError, ValueError, IndexError, pa.ArrowException) as error:
            raise InputError(f"{path}: not a corpus folder: {error}") from error
        return cls(path, [code for code in CODES if code in names], facts)

    @property
    def pairs(self) -> dict[str, int]:
        """Unordered pair -> train rows that have both, such as {"en-fr": 30000}."""
        return dict(self.facts["pairs"])

    @property
    def withheld_pairs(self) -> list[str]:
        """Pairs that must never be trained on directly."""
        return list(self.facts["withheld_pairs"])

    @property
    def domains(self) -> list[str]:
        """The domains that occur, sorted."""
        return sorted(self.facts["domains"])

    def cells(self, code: str, split: str) -> int:
        """Filled cells of a language in a split."""
        return int(self.facts["languages"][code][split])

    @property
    def shards(self) -> int:
        """How many shards there are; `scan` reads one of them, or all."""
        return len(shard_files(self.folder))

    def scan(
        self,
        columns: Sequence[str] = (),
        split: str = "",
        shard: int | None = None,
        where: pc.Expression | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Rows in their order, in batches of up to `BATCH_ROWS`.

        Args:
            columns: those wanted, in their order; empty: all.
            split: train, dev or test; empty: all rows.
            shard: number of the one shard to read; None: all, one after the other.
            where: further condition on any column, such as `pc.field("en").is_valid()`.

        Raises:
            InputError: unknown split or column, or a broken shard.
        """
        known = [*ROW_COLUMNS, *self.languages]
        for column in columns:
            if column not in known:
                raise InputError(f"{self.folder}: no column '{column}'; it has: {' '.join(known)}")
        if split and split not in SPLITS:
            raise InputError(f"unknown split '{split}'; valid: {' '.join(SPLITS)}")
        if split:
            of_split = pc.field("split") == split
            where = of_split if where is None else of_split & where
        files = shard_files(self.folder)
        for path in files if shard is None else [files[shard]]:
            yield from _scan(path, list(columns) or known, where)

    def held_out(self, split: str, columns: Sequence[str]) -> pa.Table:
        """A held-out split (dev, test), which fits in memory, as one table. Raises InputError as `scan` does."""
        batches = list(self.scan(columns, split))
        return pa.Table.from_batches(batches, pa.schema([(name, pa.string()) for name in columns]))

    def sample(
        self,
        columns: Sequence[str],
        split: str = "train",
        count: int = SAMPLE_ROWS,
        seed: int = 0,
        where: pc.Expression | None = None,
    ) -> pa.Table:
        """Up to `count` rows, drawn without replacement by a seed, in their order; all of them where there are no more.

        Raises:
            InputError: as `scan` does.
        """
        return sampled(self.scan(columns, split, where=where), columns, count, seed)

    def take(self, rows: Sequence[int], column: str) -> list[Any]:
        """The cells of a column in some rows, which are told by their numbers in the order of `scan`, ascending."""
        wanted, found, start = np.asarray(rows, np.int64), [], 0
        for batch in self.scan([column]):
            low, high = np.searchsorted(wanted, [start, start + batch.num_rows])
            if low < high:
                found += batch.column(0).take(pa.array(wanted[low:high] - start)).to_pylist()
            start += batch.num_rows
        return found


def filled(*codes: str) -> pc.Expression:
    """The condition that each of these languages has text."""
    condition = pc.field(codes[0]).is_valid()
    for code in codes[1:]:
        condition &= pc.field(code).is_valid()
    return condition


def shard_files(folder: Path) -> list[Path]:
    """The Parquet files of a corpus in the order of their rows."""
    return sorted(folder.glob("shard-*.parquet"))


def write_shard(table: pa.Table, path: Path) -> str:
    """Write the rows of one shard and return a digest of the file.

    Raises:
        InputError: the disk is full.
    """
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=_GROUP_ROWS)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_shards(table: pa.Table, folder: Path) -> str:
    """Write a table as `shard-00000.parquet`, ..., and return a digest. Raises InputError when the disk is full."""
    starts = range(0, max(table.num_rows, 1), SHARD_ROWS)
    digests = [write_shard(table.slice(at, SHARD_ROWS), folder / shard_name(n)) for n, at in enumerate(starts)]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def write_corpus(table: pa.Table, folder: Path, withheld_pairs: Sequence[str] = ()) -> dict[str, Any]:
    """Make a corpus folder of a table with all columns; returns its facts. Raises InputError when the disk is full."""
    folder.mkdir(parents=True, exist_ok=True)
    codes = [code for code in CODES if code in table.column_names]
    facts = {**count(table, codes), "withheld_pairs": list(withheld_pairs), "digest": write_shards(table, folder)}
    write_json(folder / FACTS, facts)
    return facts


def shard_name(number: int) -> str:
    """The file of a shard."""
    return f"shard-{number:05d}.parquet"


def _scan(path: Path, columns: list[str], where: pc.Expression | None) -> Iterator[pa.RecordBatch]:
    options = {"batch_size": BATCH_ROWS, "batch_readahead": 1, "fragment_readahead": 1, "use_threads": False}
    try:
        for batch in ds.dataset(path).to_batches(columns=columns, filter=where, **options):
            if batch.num_rows:
                yield batch
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: broken shard: {error}") from error
