"""The keyed permutation is one, and is another for another key."""

import numpy as np
import pytest

from training.batches.shuffling import shuffled_index


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 16, 17, 1000, 65_537])
def test_it_is_a_permutation(count: int) -> None:
    out = shuffled_index(np.arange(count), np.full(count, count), 7, 3)
    assert np.array_equal(np.sort(out), np.arange(count))


def test_any_part_can_be_computed_alone_and_sizes_mix() -> None:
    counts = np.repeat([10, 1000, 3], [10, 1000, 3])
    index = np.concatenate([np.arange(10), np.arange(1000), np.arange(3)])
    key = np.repeat([0, 1, 2], [10, 1000, 3])
    together = shuffled_index(index, counts, 5, key)
    alone = shuffled_index(np.array([400]), np.array([1000]), 5, np.array([1]))
    assert together[10 + 400] == alone[0]


def test_keys_give_different_orders_that_look_random() -> None:
    count = 10_000
    orders = [shuffled_index(np.arange(count), np.full(count, count), *key) for key in ((0, 0), (0, 1), (1, 0))]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert (orders[first] == orders[second]).sum() < 15  # a random pair agrees in 1 place
    for order in orders:
        assert abs(np.corrcoef(order, np.arange(count))[0, 1]) < 0.05
        assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.05
