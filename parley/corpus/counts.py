"""What is counted in a corpus; counts of its parts add up."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.source_config import SPLITS


def count(table: pa.Table, codes: Sequence[str]) -> dict[str, Any]:
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


def added(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of two parts together: numbers of equal keys are summed, at any depth."""
    total = dict(first)
    for key, value in second.items():
        if isinstance(value, Mapping):
            total[key] = added(total.get(key, {}), value)
        else:
            total[key] = total.get(key, 0) + value
    return total
