"""Sentence agreement: ties, ranks under bootstrap weights, systems, calibration."""

import numpy as np
import pytest

from qe_model.evaluation.metrics import DocumentBootstrap
from qe_model.evaluation.sentence_metrics import (
    Pairs,
    _ranks,
    ordered_alike,
    pairwise_accuracy,
    spearman,
    system_accuracy,
    tie_threshold,
)
from qe_model.scoring.calibration import calibration


def test_pairs_are_within_one_source() -> None:
    pairs = Pairs.of(["a", "b", "a", "a", "c"])
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(0, 2), (0, 3), (2, 3)]


def test_tie_threshold_is_the_best_of_all() -> None:
    generator = np.random.default_rng(1)
    human = generator.integers(0, 3, 60).astype(float)
    scores = np.round(human + generator.normal(0, 1, 60), 1)
    pairs = Pairs.of([i % 12 for i in range(60)])
    tie = tie_threshold(pairs, human, scores)
    gaps = [0.0, *np.abs(scores[pairs.first] - scores[pairs.second])]
    every = [ordered_alike(pairs, human, scores, gap).mean() for gap in gaps]
    assert ordered_alike(pairs, human, scores, tie).mean() == pytest.approx(max(every))
    assert tie_threshold(Pairs.of([1, 2]), human[:2], scores[:2]) == 0.0


def test_human_ties_are_won_by_ties_only() -> None:
    human, groups = np.array([1.0, 1.0]), ["s", "s"]
    bootstrap = DocumentBootstrap(["d", "d"])
    close, apart = np.array([0.5, 0.6]), np.array([0.0, 0.6])
    assert pairwise_accuracy(Pairs.of(groups), human, close, 0.2, bootstrap).value == 1.0
    assert pairwise_accuracy(Pairs.of(groups), human, apart, 0.2, bootstrap).value == 0.0


def test_spearman_takes_order() -> None:
    human = np.arange(20.0)
    bootstrap = DocumentBootstrap([str(i // 2) for i in range(20)])
    assert spearman(human, np.exp(human), bootstrap).value == pytest.approx(1.0)
    assert np.isnan(spearman(human, np.zeros(20), bootstrap).value)


def test_weighted_ranks_are_ranks_of_repeated_values() -> None:
    values, weights = np.array([3.0, 1.0, 3.0, 2.0]), np.array([[2.0, 1.0, 0.0, 3.0]])
    repeated = np.array([3.0, 3.0, 1.0, 2.0, 2.0, 2.0])
    expected = [(np.sum(repeated < value) + np.sum(repeated == value) / 2) for value in values]
    assert _ranks(values, weights)[0] == pytest.approx(expected)


def test_systems_are_ordered_by_means() -> None:
    systems = ["a", "b", "c"] * 10
    human = np.array([1.0, 2.0, 3.0] * 10)
    bootstrap = DocumentBootstrap([str(i // 3) for i in range(30)])
    assert system_accuracy(systems, human, human * 2, bootstrap).value == 1.0
    assert system_accuracy(systems, human, np.array([1.0, 3.0, 2.0] * 10), bootstrap).value == pytest.approx(2 / 3)
    assert np.isnan(system_accuracy(["a"] * 30, human, human, bootstrap).value)


def test_calibration() -> None:
    generator = np.random.default_rng(4)
    probabilities = generator.random(20_000)
    bad = generator.random(20_000) < probabilities
    good = calibration(probabilities, bad)
    assert good["error"] < 0.02
    assert good["brier"] < good["base_rate_brier"]
    assert calibration(probabilities**4, bad)["error"] > 0.2
    assert calibration(np.array([0.25, 0.75]), np.array([False, False]))["error"] == pytest.approx(0.5)
