"""Word and span agreement against hand counts and textbook formulas."""

import numpy as np
import pytest

from qe_model.annotations.annotation import ErrorSpan
from qe_model.evaluation.metrics import (
    DocumentBootstrap,
    best_threshold,
    confusion,
    f1_bad,
    mcc,
    severity_macro_f1,
    span_counts,
    span_f1,
    span_precision,
    span_recall,
)


def _one(counts: np.ndarray) -> np.ndarray:
    return counts[None].astype(float)


def test_word_metrics_by_hand() -> None:
    counts = confusion([0, 0, 0, 0, 0, 0, 1, 2, 2, 3], [0, 0, 0, 0, 0, 1, 1, 1, 2, 0])
    # hits 3, false 1, missed 1, ok 5
    assert mcc(_one(counts))[0] == pytest.approx((3 * 5 - 1 * 1) / np.sqrt(4 * 4 * 6 * 6))
    assert f1_bad(_one(counts))[0] == pytest.approx(6 / 8)
    ok, minor, major, critical = 2 * 5 / (6 + 6), 2 / (1 + 3), 2 / (2 + 1), 0.0
    assert severity_macro_f1(_one(counts))[0] == pytest.approx((ok + minor + major + critical) / 4)


def test_mcc_is_the_correlation_of_the_two_labels() -> None:
    generator = np.random.default_rng(1)
    gold, predicted = generator.integers(0, 4, (2, 500)) * generator.integers(0, 2, (2, 500))
    expected = np.corrcoef(gold > 0, predicted > 0)[0, 1]
    assert mcc(_one(confusion(gold, predicted)))[0] == pytest.approx(expected)


@pytest.mark.parametrize("gold", [[0, 0, 1], [0, 0, 0], []])
def test_all_ok_has_no_correlation(gold: list[int]) -> None:
    assert mcc(_one(confusion(gold, [0] * len(gold))))[0] == 0.0


@pytest.mark.parametrize(
    ("gold", "predicted", "credit", "marked", "true"),
    [
        ([ErrorSpan(0, 4)], [ErrorSpan(0, 4)], 4, 4, 4),
        ([ErrorSpan(0, 4)], [ErrorSpan(2, 6)], 2, 4, 4),  # partial overlap
        ([ErrorSpan(0, 4)], [ErrorSpan(0, 4, severity="minor")], 2, 4, 4),  # half the credit
        ([ErrorSpan(0, 4, severity="critical")], [ErrorSpan(0, 4)], 4, 4, 4),  # critical is major
        ([ErrorSpan(3, 3)], [ErrorSpan(0, 6)], 0, 6, 0),  # an omission has no characters
        ([ErrorSpan(-1, -1), ErrorSpan(0, 2, side="source")], [], 0, 0, 0),
        # worked by hand after scoring_esa.py of wmt25-mteval: spans over each other count each
        ([ErrorSpan(0, 4, severity="minor"), ErrorSpan(1, 3)], [ErrorSpan(0, 4)], 3, 4, 6),
        ([ErrorSpan(0, 4, severity="minor"), ErrorSpan(1, 3)], [ErrorSpan(0, 4), ErrorSpan(0, 4)], 4, 8, 6),
        ([ErrorSpan(0, 4), ErrorSpan(2, 6)], [ErrorSpan(2, 4), ErrorSpan(3, 5, severity="minor")], 3, 4, 8),
    ],
)
def test_span_credit(gold: list, predicted: list, credit: float, marked: int, true: int) -> None:
    assert span_counts(gold, predicted, 8).tolist() == [credit, marked, true]


def test_span_f1_is_micro_averaged() -> None:
    summed = _one(np.array([3.0, 4.0, 8.0]))
    assert span_precision(summed)[0] == 0.75
    assert span_recall(summed)[0] == 0.375
    assert span_f1(summed)[0] == 0.5
    assert np.isnan(span_f1(_one(np.zeros(3)))[0])


def test_threshold_is_the_best_of_all() -> None:
    generator = np.random.default_rng(2)
    scores = generator.integers(0, 20, 300).astype(float)
    bad = generator.random(300) < scores / 40
    found = best_threshold(scores, bad)
    every = {t: mcc(_one(confusion(bad.astype(int), (scores >= t).astype(int))))[0] for t in np.unique(scores)}
    assert found.mcc == pytest.approx(max(every.values()))
    assert every[found.value] == pytest.approx(found.mcc)
    assert best_threshold(np.array([]), np.array([], bool)).value == np.inf


def test_interval_is_over_documents() -> None:
    """Copies of a translation within its document must not make the interval narrower."""
    generator = np.random.default_rng(3)
    documents = [str(i) for i in range(40)]
    counts = np.stack([confusion(*generator.integers(0, 2, (2, 30))) for _ in documents])
    alone = DocumentBootstrap(documents).estimate(counts, mcc)
    copied = DocumentBootstrap(documents * 5).estimate(np.tile(counts, (5, 1)), mcc)
    assert (alone.value, alone.low, alone.high) == pytest.approx((copied.value, copied.low, copied.high))
    assert alone.low < alone.value < alone.high
    assert DocumentBootstrap(documents).estimate(np.zeros((40, 16)), f1_bad).to_json() == {"value": None, "ci": None}
