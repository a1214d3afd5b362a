"""A bounded sample of a corpus."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from parley.corpus.store import Corpus


def sampled_rows(corpus: Corpus, columns: Sequence[str], split: str, codes: Sequence[str], count: int) -> pa.Table:
    """Up to `count` rows of a split in which all languages of `codes` have text, evenly spread, in their order."""
    table = corpus.table(split, columns)
    kept = np.flatnonzero(np.all([table[code].is_valid().to_numpy() for code in codes], axis=0))
    if len(kept) > count:
        kept = kept[np.linspace(0, len(kept) - 1, count).astype(np.int64)]
    return table.take(kept)
