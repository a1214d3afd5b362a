"""A whole corpus in memory, which only tests may ask for."""

from collections.abc import Sequence

import pyarrow as pa

from parley.corpus.store import Corpus


def whole(corpus: Corpus, split: str = "", columns: Sequence[str] = ()) -> pa.Table:
    """All rows of a split, or of all."""
    return pa.Table.from_batches(list(corpus.scan(columns, split)))
