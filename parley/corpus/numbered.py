"""The rows of all parts under one number each, and what joins them, in DuckDB: on disk where it exceeds the memory."""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.corpus.cleaned_stage import ROWS, part_folders
from parley.corpus.source_config import SPLITS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY: Final = "2GB"  # of DuckDB; what needs more is written to `work`
NOTHING: Final = np.zeros(0, np.int64)
_BATCH: Final = 500_000
# Each row beside the first one that has the same key.
_REPEATS: Final = """
    SELECT row, first FROM {links}
    JOIN (SELECT key, min(row) AS first FROM {links} GROUP BY key HAVING count(*) > 1) USING (key)
    WHERE row <> first"""
# Pairs of rows that share a key: each row with the first and with the one before it.
_NEIGHBOURS: Final = """
    WITH pairs AS (
        SELECT row, min(row) OVER ordered AS first, lag(row) OVER ordered AS previous
        FROM {links} SEMI JOIN (SELECT key FROM {links} GROUP BY key HAVING count(*) > 1) USING (key)
        WINDOW ordered AS (PARTITION BY key ORDER BY row))
    SELECT row, first FROM pairs WHERE first <> row UNION SELECT row, previous FROM pairs WHERE previous IS NOT NULL"""


class NumberedRows:
    """What stage `cleaned` wrote. Rows are numbered through all parts, in their order.

    Attributes:
        folders: of the parts.
        starts: number of each part's first row, and at the end how many rows there are, int64[parts + 1].
    """

    def __init__(self, cleaned: Path, work: Path) -> None:
        """Open the parts; `work` is an existing folder for what exceeds the memory."""
        self.folders, self._work = part_folders(cleaned), work
        sizes = [pq.read_metadata(folder / ROWS).num_rows for folder in self.folders]
        self.starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def smallest(self) -> np.ndarray:
        """Each row's smallest hash of a text, uint64[N]."""
        parts = [np.load(folder / "smallest.npy", mmap_mode="r", allow_pickle=False) for folder in self.folders]
        return np.concatenate([np.zeros(0, np.uint64), *parts])

    def own_splits(self) -> np.ndarray:
        """The split that its source gives each row, uint8[N] of places in `SPLITS`; their number for none."""
        parts = [pq.read_table(folder / ROWS, columns=["split"])["split"] for folder in self.folders]
        places = [pc.fill_null(pc.index_in(part, pa.array(SPLITS)), len(SPLITS)).to_numpy() for part in parts]
        return np.concatenate([np.zeros(0, np.uint8), *(each.astype(np.uint8) for each in places)])

    def repeats(self, keys: str, excluded: np.ndarray = NOTHING) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows that share a key with an earlier row, and the first row that has it; in batches.

        Args:
            keys: `texts`, `exact` or `near`, as `keys` describes them.
            excluded: rows that do not count.
        """
        return self._pairs(_REPEATS, keys, excluded)

    def neighbours(self, keys: str, excluded: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs (later, earlier) of rows that share a key: each row with the first and with the one before it."""
        return self._pairs(_NEIGHBOURS, keys, excluded)

    def renamed(self) -> tuple[np.ndarray, list[str]]:
        """Rows whose id stands in an earlier row, ascending, and an id of their own: `#2`, `#3`, ... behind it."""
        sql = f"""WITH ids AS (SELECT row, row_id FROM {self._rows()}),
            twice AS (SELECT row_id FROM ids GROUP BY row_id HAVING count(*) > 1),
            counted AS (SELECT row, row_id, row_number() OVER (PARTITION BY row_id ORDER BY row) AS number
                        FROM ids SEMI JOIN twice USING (row_id))
            SELECT row, row_id || '#' || number AS own FROM counted WHERE number > 1 ORDER BY row"""
        found = self._engine.sql(sql).to_arrow_table()
        return found["row"].to_numpy(), found["own"].to_pylist()

    def groups(self, rows: np.ndarray, groups: np.ndarray, codes: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """`group`, `row` and the texts of some rows, ordered by group and row, in batches."""
        self._engine.register("wanted", pa.table({"row": rows, "group": groups}))
        texts = ", ".join(f'"{code}"' for code in codes)
        sql = f'SELECT "group", row, {texts} FROM {self._rows()} JOIN wanted USING (row) ORDER BY "group", row'
        return iter(self._engine.sql(sql).to_arrow_reader(_BATCH // 50))

    def close(self) -> None:
        """Give the memory back."""
        self._engine.close()

    @cached_property
    def _engine(self) -> "DuckDBPyConnection":
        import duckdb

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        engine = duckdb.connect(config={"threads": cores, "memory_limit": MEMORY, "temp_directory": str(self._work)})
        engine.execute("SET preserve_insertion_order = false")
        names = [str(folder) for folder in self.folders]
        engine.register("parts", pa.table({"part": names, "start": self.starts[:-1]}))
        return engine

    def _rows(self) -> str:
        """SQL: the corpus's columns of all parts, and each row's number."""
        return f"(SELECT start + file_row_number AS row, * FROM {self._files(ROWS)})"

    def _files(self, name: str) -> str:
        files = ", ".join("'{}'".format(str(folder / name).replace("'", "''")) for folder in self.folders)
        return (
            f"read_parquet([{files}], filename = true, file_row_number = true) files "
            f"JOIN parts ON filename = part || '/{name}'"
        )

    def _pairs(self, sql: str, keys: str, excluded: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        self._engine.register("excluded", pa.table({"row": excluded}))
        numbered = f"SELECT start + row AS row, key FROM {self._files(f'{keys}.parquet')}"
        links = f"(SELECT * FROM ({numbered}) ANTI JOIN excluded USING (row))"
        for batch in self._engine.sql(sql.format(links=links)).to_arrow_reader(_BATCH):
            yield batch.column(0).to_numpy(), batch.column(1).to_numpy()
