"""A seeded sample of a stream of rows, in memory that does not grow with the stream."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from parley.corpus.text_column import mixed


def sampled(batches: Iterable[pa.RecordBatch], columns: Sequence[str], count: int, seed: int) -> pa.Table:
    """Up to `count` rows of string columns in their order; each row is equally likely, whatever the size of batches.

    A row's rank is a hash of seed and place; those with the smallest ranks stay. At most about 2 x `count` are held.
    """
    kept = pa.schema([(name, pa.string()) for name in columns]).empty_table()
    ranks = np.zeros(0, np.uint64)
    worst, seen = np.iinfo(np.uint64).max, 0
    salt = mixed(np.array([seed], np.uint64))
    for batch in batches:
        rank = mixed(np.arange(seen, seen + batch.num_rows, dtype=np.uint64) + salt)
        seen += batch.num_rows
        better = rank <= worst
        kept = pa.concat_tables([kept, pa.Table.from_batches([batch]).filter(pa.array(better))])
        ranks = np.concatenate([ranks, rank[better]])
        if len(ranks) > 2 * count:
            kept, ranks = _best(kept, ranks, count)
            worst = ranks.max(initial=0)
    return _best(kept, ranks, count)[0]


def _best(table: pa.Table, ranks: np.ndarray, count: int) -> tuple[pa.Table, np.ndarray]:
    if len(ranks) <= count:
        return table, ranks
    places = np.sort(np.argpartition(ranks, count)[:count]) if count else np.zeros(0, np.int64)
    return table.take(pa.array(places)).combine_chunks(), ranks[places]
