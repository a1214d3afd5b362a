"""What is fitted on dev data: thresholds, corrections of probabilities, severities, the calibrated penalty."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qe_model.evaluation.metrics import best_threshold, confusion, severity_macro_f1
from qe_model.scoring.decisions import STRAIGHT, Curve, Decisions, logit

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[Any]]


LEAST_SLOPE: Final = 0.05


def tuned_threshold(probabilities_N4: "Floats", wanted: "Floats") -> tuple[float, float]:
    """Threshold on the probability of bad with the best Matthews correlation, and that correlation.

    Without both kinds of words among the labels [N]: 0.5 and 0.
    """
    bad = np.asarray(wanted) > 0
    if not 0 < bad.sum() < len(bad):
        return 0.5, 0.0
    found = best_threshold((1 - probabilities_N4[:, 0]).astype(np.float64), bad)
    return found.value, found.mcc


def fit_slope(probabilities_N4: "Floats", wanted: "Floats") -> tuple[float, float]:
    """(a, b) that make sigmoid(a x logit(bad) + b) the likeliest for the labels [N] (Platt, 1999).

    Nothing is corrected (1, 0) without both kinds of words.
    """
    bad = np.asarray(wanted) > 0
    if not 0 < bad.sum() < len(bad):
        return 1.0, 0.0
    return fit_logistic(logit((1 - probabilities_N4[:, 0]).astype(np.float64).clip(1e-7, 1 - 1e-7)), bad)


def fit_logistic(x_N: "Floats", bad_N: "Floats", steps: int = 25) -> tuple[float, float]:
    """(a, b) that make sigmoid(a x + b) the likeliest, by Newton's method; a is at least `LEAST_SLOPE`.

    So the order of x is kept also where bad words have no higher x; then the probabilities say next to nothing but
    how frequent bad words are.
    """
    fitted = _newton(np.stack([x_N, np.ones_like(x_N)], 1), bad_N, np.array([1.0, 0.0]), np.zeros_like(x_N), steps)
    if np.isfinite(fitted).all() and fitted[0] >= LEAST_SLOPE:
        return float(fitted[0]), float(fitted[1])
    shift = _newton(np.ones((len(x_N), 1)), bad_N, np.zeros(1), LEAST_SLOPE * x_N, steps)
    return LEAST_SLOPE, float(shift[0])


def _newton(inputs: "Floats", bad: "Floats", fitted: "Floats", offset: "Floats", steps: int) -> "Floats":
    """Weights of a logistic regression whose logits have an `offset`."""
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(inputs @ fitted + offset).clip(-30, 30)))
        curvature = (inputs * (p * (1 - p))[:, None]).T @ inputs + 1e-3 * np.eye(len(fitted))
        fitted = fitted + np.linalg.solve(curvature, inputs.T @ (bad - p)).clip(-1, 1)
    return fitted


def best_severity_bias(probabilities_N4: "Floats", wanted: "Floats", threshold: float) -> tuple[float, float, float]:
    """Bias of major and critical with the best macro-F1 over ok and the severities that occur in `wanted` [N]."""
    grid = np.linspace(-2, 2, 9)
    trials = [(0.0, float(major), float(critical)) for major in grid for critical in grid]

    def quality(bias: tuple[float, float, float]) -> tuple[float, float]:
        labels = Decisions(severity_bias=bias).severities(probabilities_N4, threshold)
        return macro_f1(labels, wanted), -abs(bias[1]) - abs(bias[2])

    return max(trials, key=quality)


def macro_f1(labels: "Floats", wanted: "Floats") -> float:
    """Mean F1 over the severities, ok among them, that occur in `wanted`."""
    return float(severity_macro_f1(confusion(wanted, labels)[None].astype(np.float64))[0])


def calibrate(raw: Sequence[float], wanted: Sequence[float], bins: int = 12) -> Curve:
    """Rising points (raw, penalty): means of bins of equally many sentences, made monotone by pooling neighbours.

    Pool-adjacent-violators on bin means (Zadrozny and Elkan, 2002); ties are broken by a small slope, so that the
    calibrated penalty orders sentences as the raw one does. Starts at (0, 0).
    """
    order = np.argsort(raw, kind="stable")
    x, y = np.array(raw, np.float64)[order], np.array(wanted, np.float64)[order]
    parts = [part for part in np.array_split(np.arange(len(x)), max(1, min(bins, len(x) // 5))) if len(part)]
    blocks = [[x[part].mean(), y[part].mean(), float(len(part))] for part in parts]
    pooled: list[list[float]] = []
    for block in blocks:
        pooled.append(block)
        while len(pooled) > 1 and pooled[-1][1] <= pooled[-2][1]:
            right, left = pooled.pop(), pooled.pop()
            weight = left[2] + right[2]
            pooled.append([*((left[i] * left[2] + right[i] * right[2]) / weight for i in (0, 1)), weight])
    points = [(0.0, 0.0)]
    for place, value, _ in pooled:
        if place > points[-1][0]:
            slope = max((value - points[-1][1]) / (place - points[-1][0]), 1e-3)
            points.append((float(place), float(points[-1][1] + slope * (place - points[-1][0]))))
    return tuple(points) if len(points) > 1 else STRAIGHT
