"""The table of candidates: every synthetic message with its scores, whether it is accepted, and the reason."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from parley.pipeline.atomic import replacing
from parley.pipeline.errors import InputError

NAME: Final = "candidates.parquet"
ORIGIN: Final = "backtranslated"
ACCEPTED: Final = "accepted"  # the reason of what passed

# What generation writes. `original` is the real text that was translated, and that the round trip is compared to.
GENERATED: Final[tuple[tuple[str, pa.DataType], ...]] = (
    ("row_id", pa.string()),  # unique in the table
    ("origin_row", pa.string()),  # row of the corpus, or file and line, that the text is from
    ("origin", pa.string()),  # `ORIGIN`
    ("round", pa.int32()),
    ("use", pa.string()),  # back, forward, pivot
    ("direction", pa.string()),  # direction of training
    ("source_text", pa.string()),  # the synthetic side of back and pivot
    ("target_text", pa.string()),  # the synthetic side of forward
    ("synthetic_language", pa.string()),
    ("original_language", pa.string()),
    ("original", pa.string()),
    ("round_trip", pa.string()),
    ("decoding", pa.string()),  # beam or sampling
    ("round_trip_chrf", pa.float32()),  # sentence chrF, 0 to 100
    ("language_ok", pa.bool_()),  # of the synthetic text
    ("repetition", pa.float32()),  # share of repeated 4-grams of the synthetic text beyond those of its input
)
SCHEMA: Final = pa.schema(
    [
        *GENERATED,
        ("length_ratio", pa.float32()),  # longer side to shorter one, in expected English characters
        ("copied", pa.bool_()),  # the synthetic text repeats its input, and is too long for a name
        ("qe", pa.float32()),  # null without a scorer
        ("verdict", pa.string()),  # what the filter says: `accepted`, or the first check that failed
        ("accepted", pa.bool_()),  # the decision; other than the filter's in the ablations
        ("reason", pa.string()),  # of the decision: the verdict, or empty, unfiltered, drawn, not_drawn in ablations
    ]
)
GENERATED_SCHEMA: Final = pa.schema(GENERATED)


def write_candidates(path: Path, table: pa.Table) -> None:
    """Write Parquet whole or not at all. Raises InputError when the disk is full."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_candidates(folder: Path, accepted: bool = False, columns: Sequence[str] = ()) -> pa.Table:
    """The candidates in a finished `synthetic` folder, direction by direction.

    Args:
        accepted: those only that were accepted.
        columns: those wanted; empty: all of `SCHEMA`.

    Raises:
        InputError: no such table there.
    """
    wanted = list(columns) or SCHEMA.names
    read = list(dict.fromkeys([*wanted, "accepted"])) if accepted else wanted
    table = read_table(folder / NAME, read)
    return (table.filter(table["accepted"]) if accepted else table).select(wanted)


def read_table(path: Path, columns: Sequence[str] = ()) -> pa.Table:
    """Read a table of candidates.

    Raises:
        InputError: no such table there.
    """
    try:
        return pq.read_table(path, columns=list(columns) or None)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a table of candidates: {str(error).splitlines()[0]}") from error


def counts_by_direction(table: pa.Table) -> dict[str, dict[str, Any]]:
    """Direction -> candidates and accepted ones."""
    found = table.group_by("direction", use_threads=False).aggregate([("accepted", "count"), ("accepted", "sum")])
    rows = found.sort_by("direction").to_pylist()
    return {
        row["direction"]: {"candidates": row["accepted_count"], "accepted": int(row["accepted_sum"] or 0)}
        for row in rows
    }
