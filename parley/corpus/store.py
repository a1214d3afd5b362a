"""The multiway store: Parquet shards of rows, and `corpus.json` with the counts."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.corpus.config import ROW_COLUMNS, SPLITS
from parley.languages.table import CODES
from parley.pipeline.atomic import replacing
from parley.pipeline.errors import InputError

FACTS: Final = "corpus.json"
SHARD_ROWS: Final = 262_144
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
            schema = pq.read_schema(_shards(path)[0])
        except (OSError, ValueError, IndexError, pa.ArrowException) as error:
            raise InputError(f"{path}: not a corpus folder: {error}") from error
        return cls(path, [code for code in CODES if code in schema.names], facts)

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

    def table(self, split: str = "", columns: Sequence[str] = ()) -> pa.Table:
        """Rows in the order of the shards.

        Args:
            split: train, dev or test; empty: all rows.
            columns: those wanted, in their order; empty: all.

        Raises:
            InputError: unknown split or column, or a broken shard.
        """
        known = [*ROW_COLUMNS, *self.languages]
        wanted = list(columns) or known
        for column in wanted:
            if column not in known:
                raise InputError(f"{self.folder}: no column '{column}'; it has: {' '.join(known)}")
        if split and split not in SPLITS:
            raise InputError(f"unknown split '{split}'; valid: {' '.join(SPLITS)}")
        parts = [self._part(shard, split, wanted) for shard in _shards(self.folder)]
        return pa.concat_tables(parts)

    def _part(self, shard: Path, split: str, columns: list[str]) -> pa.Table:
        read = list(dict.fromkeys([*columns, "split"])) if split else columns
        try:
            table = pq.ParquetFile(shard).read(columns=read)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{shard}: broken shard: {error}") from error
        return (table.filter(pc.equal(table["split"], split)) if split else table).select(columns)


def write_shards(table: pa.Table, folder: Path) -> str:
    """Write the rows as `shard-00000.parquet`, ... and return a digest of them.

    Raises:
        InputError: the disk is full.
    """
    digest = hashlib.sha256()
    for number, start in enumerate(range(0, max(table.num_rows, 1), SHARD_ROWS)):
        shard = folder / f"shard-{number:05d}.parquet"
        with replacing(shard) as temporary:
            rows = table.slice(start, SHARD_ROWS)
            pq.write_table(rows, temporary, compression="zstd", row_group_size=_GROUP_ROWS)
        with shard.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def count(table: pa.Table, codes: list[str]) -> dict[str, Any]:
    """Rows per split, cells per language and split, train rows per unordered pair, rows per domain."""
    split = table["split"].combine_chunks().dictionary_encode().cast(pa.string()).to_numpy(zero_copy_only=False)
    present = np.column_stack([table[code].is_valid().to_numpy() for code in codes])
    in_split = {name: split == name for name in SPLITS}
    train = present[in_split["train"]].astype(np.float64)
    together = (train.T @ train).astype(np.int64)
    domains = pc.value_counts(table["domain"]).to_pylist()
    return {
        "rows": {name: int(mask.sum()) for name, mask in in_split.items()},
        "languages": {
            code: {name: int(present[mask, index].sum()) for name, mask in in_split.items()}
            for index, code in enumerate(codes)
        },
        "pairs": {
            f"{codes[first]}-{codes[second]}": int(together[first, second])
            for first, second in combinations(range(len(codes)), 2)
        },
        "domains": {each["values"]: each["counts"] for each in sorted(domains, key=lambda each: str(each["values"]))},
    }


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("shard-*.parquet"))
