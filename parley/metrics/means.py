"""Bootstrap of plain means over messages: for scores that are given message by message, not counted (COMET, QE)."""

from collections.abc import Sequence

import numpy as np

from parley.metrics.ngrams import Ints
from parley.metrics.significance import Bootstrap, Floats

_UNITS = 1e6  # scores are counted in millionths, so that the sums of whole numbers serve


def sampled_means(draw: Bootstrap, values: Floats, rows: Sequence[int] | Ints) -> Floats:
    """Mean score of each bootstrap sample.

    Args:
        values: [N, K] scores of K systems for the same messages.
        rows: [N] which message of the draw each line is.

    Returns:
        [B, K]; nan where a sample has none of the messages.
    """
    low = np.round(values * _UNITS).astype(np.int64).min(0)  # sums want counts that are not negative
    counts = np.round(values * _UNITS).astype(np.int64) - low
    sums = draw.sums(np.concatenate([counts, np.ones((len(values), 1), np.int64)], axis=1), rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sums[:, -1:] > 0, (sums[:, :-1] / sums[:, -1:] + low) / _UNITS, np.nan)
