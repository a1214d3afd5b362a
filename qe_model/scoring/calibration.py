"""Whether probabilities mean what they say: of words called bad with 0.3, three in ten should be bad."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from parley.metrics.significance import Floats

BINS: Final = 10  # of equally many words each, since most words are ok


def calibration(probabilities: Floats, bad: NDArray[np.bool_]) -> dict[str, float]:
    """Compare probabilities of bad, [W] between 0 and 1, with what is bad, [W].

    Returns:
        `error` (expected calibration error) and `brier` (both 0 is best), and `base_rate_brier`, the Brier score of
        always saying the share of bad words.
    """
    from sklearn.calibration import calibration_curve

    shares, means = calibration_curve(bad, probabilities, n_bins=BINS, strategy="quantile")
    rate = float(bad.mean())
    brier = float(((probabilities - bad) ** 2).mean())
    return {"error": float(np.abs(shares - means).mean()), "brier": brier, "base_rate_brier": rate * (1 - rate)}
