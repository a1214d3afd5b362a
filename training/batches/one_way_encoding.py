"""An encoded store whose rows may be used in one direction only, made from texts and their translations."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parley.languages.table import pair
from parley.pipeline.atomic import replacing
from training.batches.encoded import ROWS
from training.batches.encoding import encode_column, join_columns, join_rows, write_meta
from training.batches.one_way import DIRECTION

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SOURCE, TARGET = "source_text", "target_text"
_STEP: Final = 20_000  # cells encoded at a time


def write_one_way(
    out: Path,
    rows: pa.Table,
    languages: Sequence[str],
    tokenizer: "PreTrainedTokenizerFast",
    heads: "np.ndarray | None" = None,
) -> None:
    """Encode rows into a folder, of which `join_one_way` makes a store; all columns are kept.

    Args:
        rows: columns `direction`, `source_text`, `target_text`, and others.
        languages: that have a column in the store.
        heads: [rows] id of a special token to put before a source's own tokens; -1 for none.
    """
    named = [pair(direction) for direction in rows[DIRECTION].to_pylist()]
    texts = rows[SOURCE].to_pylist(), rows[TARGET].to_pylist()
    heads = np.full(len(named), -1, np.int64) if heads is None else heads
    for code in languages:
        sides = [both.index(code) if code in both else None for both in named]
        cells = [None if side is None else texts[side][row] for row, side in enumerate(sides)]
        tags = np.where(np.array([side == 0 for side in sides], bool), heads, -1)
        column = pa.chunked_array([pa.array(cells, pa.string())])
        for _ in encode_column(out, code, column, tokenizer, _STEP, tags):
            pass
    fixed = {"split": pa.repeat("train", len(named)), "domain": pa.repeat("synthetic", len(named))}
    with replacing(out / ROWS) as temporary:
        pq.write_table(pa.table({**{name: rows[name] for name in rows.column_names}, **fixed}), temporary)


def join_one_way(
    folders: Sequence[Path], out: Path, languages: Sequence[str], tokenizer: "PreTrainedTokenizerFast"
) -> int:
    """Make a store of what `write_one_way` wrote; returns the number of its rows."""
    for code in languages:
        join_columns(folders, out, code)
    count = join_rows(folders, out / ROWS)
    write_meta(out, tokenizer, languages, ())
    return count
