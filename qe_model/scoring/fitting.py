"""What is fitted on dev data: thresholds, severities, the calibrated penalty."""

from typing import Final

import numpy as np

from qe_model.arrays import Floats
from qe_model.evaluation.metrics import best_threshold, confusion, severity_macro_f1
from qe_model.scoring.decisions import STRAIGHT, Curve, Decisions

LEAST_RISE: Final = 1e-3  # of the calibrated penalty, so that it orders sentences as the raw one does
BINS: Final = 12  # of sentences, whose means are calibrated
SENTENCES: Final = 5  # in a bin at least


def tuned_threshold(probabilities_N4: Floats, wanted: Floats) -> tuple[float, float]:
    """Threshold on the probability of bad with the best Matthews correlation, and that correlation.

    Without both kinds of words among the labels [N]: 0.5 and 0.
    """
    bad = np.asarray(wanted) > 0
    if not 0 < bad.sum() < len(bad):
        return 0.5, 0.0
    found = best_threshold((1 - probabilities_N4[:, 0]).astype(np.float64), bad)
    return found.value, found.mcc


def best_severity_bias(probabilities_N4: Floats, wanted: Floats, threshold: float) -> tuple[float, float, float]:
    """Bias of major and critical with the best macro-F1 over ok and the severities that occur in `wanted` [N]."""
    grid = np.linspace(-2, 2, 9)
    trials = [(0.0, float(major), float(critical)) for major in grid for critical in grid]

    def quality(bias: tuple[float, float, float]) -> tuple[float, float]:
        labels = Decisions(severity_bias=bias).severities(probabilities_N4, threshold)
        return macro_f1(labels, wanted), -abs(bias[1]) - abs(bias[2])

    return max(trials, key=quality)


def macro_f1(labels: Floats, wanted: Floats) -> float:
    """Mean F1 over the severities, ok among them, that occur in `wanted`."""
    return float(severity_macro_f1(confusion(wanted, labels)[None].astype(np.float64))[0])


def calibrate(raw: Floats, wanted: Floats) -> Curve:
    """Rising points (raw, penalty) from (0, 0): isotonic regression of means of bins of equally many sentences.

    Bins that it gives one value become one point (Zadrozny and Elkan, 2002).
    """
    from sklearn.isotonic import IsotonicRegression

    count = max(1, min(BINS, len(raw) // SENTENCES))
    parts = [part for part in np.array_split(np.argsort(raw, kind="stable"), count) if len(part)]
    sizes = np.array([len(part) for part in parts])
    x, y = (np.array([np.take(values, part).mean() for part in parts]) for values in (raw, wanted))
    fitted = IsotonicRegression(y_min=0).fit_transform(x, y, sample_weight=sizes)
    levels, block = np.unique(fitted, return_inverse=True)
    places = np.bincount(block, x * sizes) / np.bincount(block, sizes)
    rising = zip(places.tolist(), (levels + LEAST_RISE * places).tolist(), strict=True)
    points = {0.0: 0.0} | {place: value for place, value in rising if place > 0}
    return tuple(points.items()) if len(points) > 1 else STRAIGHT
