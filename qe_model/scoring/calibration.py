"""Whether probabilities mean what they say: of words called bad with 0.3, three in ten should be bad."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parley.metrics.significance import Floats


@dataclass(frozen=True)
class Bin:
    """Words of similar probability: mean probability, share that is bad, number of words."""

    probability: float
    bad: float
    words: int


@dataclass(frozen=True)
class Calibration:
    """Expected calibration error and Brier score (both 0 is best), and the bins behind the first.

    Attributes:
        base_rate_brier: Brier score of always saying the share of bad words.
    """

    error: float
    brier: float
    base_rate_brier: float
    bins: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def calibration(probabilities: Floats, bad: NDArray[np.bool_], bins: int = 10) -> Calibration:
    """Compare probabilities of bad with what is bad.

    Args:
        probabilities: [W] between 0 and 1.
        bad: [W].
        bins: of equally many words each, since most words are ok.

    Raises:
        ValueError: no word, or values outside 0 to 1.
    """
    if not len(probabilities) or probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError("calibration needs words, and probabilities between 0 and 1")
    parts = [part for part in np.array_split(np.argsort(probabilities, kind="stable"), bins) if len(part)]
    found = tuple(Bin(float(probabilities[part].mean()), float(bad[part].mean()), len(part)) for part in parts)
    error = sum(one.words * abs(one.probability - one.bad) for one in found) / len(bad)
    rate = float(bad.mean())
    return Calibration(error, float(((probabilities - bad) ** 2).mean()), rate * (1 - rate), found)
