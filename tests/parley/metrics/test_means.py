"""Means of scores per message in bootstrap samples."""

import numpy as np

from parley.metrics.means import sampled_means
from parley.metrics.significance import Bootstrap, interval


def test_sampled_means_are_means_of_resampled_messages() -> None:
    values = np.random.default_rng(0).normal(-3.0, 2.0, (200, 2))
    found = sampled_means(Bootstrap(200, 500), values, range(200))
    assert found.shape == (500, 2)
    assert np.allclose(found.mean(0), values.mean(0), atol=0.05)
    assert np.allclose(found.std(0), values.std(0) / np.sqrt(200), rtol=0.15)
    for column in range(2):
        low, high = interval(found[:, column])
        assert low < values[:, column].mean() < high


def test_a_sample_without_the_messages_has_no_mean() -> None:
    found = sampled_means(Bootstrap(50, 200), np.array([[5.0]]), [7])
    assert np.isnan(found).any()
    assert set(found[~np.isnan(found)].round(6)) == {5.0}
