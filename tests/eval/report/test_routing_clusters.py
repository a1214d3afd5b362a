"""Clusters of languages by routing."""

import numpy as np
import pytest

from eval.report.routing_clusters import cluster_routing, jensen_shannon, leaves, linkage


def test_distance_is_zero_for_equal_and_one_for_disjoint_rows() -> None:
    distance = jensen_shannon(np.array([[1.0, 0, 0], [2.0, 0, 0], [0, 0.5, 0.5]]))
    assert distance == pytest.approx(np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]]), abs=1e-6)


def test_average_linkage_by_hand() -> None:
    distance = np.array([[0, 1, 4, 9], [1, 0, 6, 9], [4, 6, 0, 9], [9, 9, 9, 0]], float)
    merges = linkage(distance)
    assert merges == [(0, 1, 1.0), (2, 4, 5.0), (3, 5, 9.0)]
    assert leaves(merges, 4) == [3, 2, 0, 1]
    assert leaves([], 1) == [0]


def test_languages_with_the_same_experts_lie_together() -> None:
    rows = [[0.9, 0.1, 0.0], [0.0, 0.1, 0.9], [0.8, 0.2, 0.0], [0.1, 0.0, 0.9]]
    found = cluster_routing({"languages": ["en", "th", "de", "ja"], "experts_by_language": {"x": rows, "y": rows}})
    assert found.keys() == {"x", "y", "mean"}
    assert found["mean"]["nearest"] == {"en": "de", "de": "en", "th": "ja", "ja": "th"}
    order = found["x"]["order"]
    assert abs(order.index("en") - order.index("de")) == 1
    assert [merge[2] for merge in found["x"]["merges"]] == sorted(merge[2] for merge in found["x"]["merges"])


def test_nothing_to_cluster() -> None:
    assert cluster_routing({}) == {}
    assert cluster_routing({"languages": ["en"], "experts_by_language": {"x": [[1.0]]}}) == {}
