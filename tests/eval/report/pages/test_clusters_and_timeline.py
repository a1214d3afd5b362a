"""Ranks that systems share, and stages on one line of time."""

from typing import Any

import pytest

from eval.report.pages.clusters import cluster_ranks
from eval.report.pages.timeline import timeline


def compared(a: str, b: str, delta: float, p_value: float) -> dict[str, Any]:
    return {"a": a, "b": b, "delta": delta, "p_value": p_value}


@pytest.mark.parametrize(
    ("rows", "ranks"),
    [
        ([], ["1-3", "1-3", "1-3"]),
        (
            [compared("a", "b", -1, 0.001), compared("a", "c", -2, 0.001), compared("b", "c", -1, 0.9)],
            ["1", *["2-3"] * 2],
        ),
        ([compared("b", "a", 1, 0.001), compared("c", "a", 2, 0.001), compared("b", "c", -1, 0.001)], ["1", "2", "3"]),
        ([compared("a", "b", -1, 0.04), compared("a", "c", -1, 0.04), compared("b", "c", 0, 0.9)], ["1-3"] * 3),
    ],
)
def test_systems_that_are_not_told_apart_share_places(rows: list[dict[str, Any]], ranks: list[str]) -> None:
    assert list(cluster_ranks("abc", rows).values()) == ranks


def test_one_system_has_no_rank() -> None:
    assert cluster_ranks(["a"], []) == {}


def test_stages_side_by_side_and_no_gap_between_two_calls() -> None:
    run = {
        "seconds": {"report": 10.0, "corpus": 20.0, "teacher": 60.0, "exports": 30.0},
        "finished": {
            "corpus": "2025-01-01T00:00:20+00:00",
            "teacher": "2025-01-01T00:01:20+00:00",
            "exports": "2025-01-01T00:01:00+00:00",
            "report": "2025-01-02T00:00:00+00:00",  # the next day
        },
        "fingerprints": {"corpus": "abc"},
    }
    rows = [(row["name"], round(row["left"], 1), round(row["width"], 1)) for row in timeline({"run": run})]
    assert rows == [("corpus", 0.0, 22.2), ("teacher", 22.2, 66.7), ("exports", 33.3, 33.3), ("report", 88.9, 11.1)]
    assert timeline({}) == []
