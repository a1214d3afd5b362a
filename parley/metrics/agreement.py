"""How well two labellings of the same words as bad or ok agree, from counts that add up over messages."""

import numpy as np

from parley.metrics.ngrams import Floats


def mcc(counts: Floats) -> Floats:
    """Matthews correlation [B] from counts [B, 4]; 0 where one side is all bad or all ok.

    Args:
        counts: words that are ok to both, bad to the second alone, bad to the first alone, bad to both.
    """
    ok, second, first, both = counts.T
    product = (both + second) * (both + first) * (ok + second) * (ok + first)
    return (both * ok - second * first) / np.sqrt(np.where(product > 0, product, 1.0)) * (product > 0)
