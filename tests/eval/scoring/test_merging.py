"""Scores of several systems as one report."""

from typing import Any

from eval.scoring.merging import merge_scores


def part(system: str, direction: str, n: int) -> dict[str, Any]:
    return {
        "systems": {system: {"params": n}},
        "pairs": {direction: {"n": n, "systems": {system: {"chrf": float(n)}}}},
        "mean": {system: {"chrf": float(n)}},
        "metrics": {"signatures": {f"bleu/{system}": "x"}, "notes": ["same", system], "bootstrap": {"samples": 100}},
        "slices": {"auto_source": {system: {"chrf": 1.0}}},
        "source_detection": {"system": system, "accuracy": 0.5},
        "speed": {system: {"messages": n}},
    }


def test_systems_lie_side_by_side() -> None:
    merged = merge_scores([part("teacher", "en-fr", 3), part("student", "en-fr", 5), part("other", "en-th", 2)])
    assert merged["pairs"] == {
        "en-fr": {"n": 5, "systems": {"teacher": {"chrf": 3.0}, "student": {"chrf": 5.0}}},
        "en-th": {"n": 2, "systems": {"other": {"chrf": 2.0}}},
    }
    assert list(merged["mean"]) == list(merged["speed"]) == list(merged["systems"]) == ["teacher", "student", "other"]
    assert merged["metrics"]["notes"] == ["same", "teacher", "student", "other"]
    assert len(merged["metrics"]["signatures"]) == 3
    assert merged["slices"]["auto_source"].keys() == {"teacher", "student", "other"}
    assert merged["source_detection"]["system"] == "teacher"
    assert merged["source_detection"]["systems"].keys() == {"student", "other"}


def test_one_part_stays_as_it_is_and_none_is_empty() -> None:
    one = part("teacher", "en-fr", 3)
    assert merge_scores([one]) == one
    assert merge_scores([]) == {}


def test_parts_may_lack_keys() -> None:
    merged = merge_scores([{"mean": {"a": {}}}, {"pairs": {"en-fr": {"n": 1, "systems": {}}}}])
    assert merged.keys() == {"mean", "pairs"}
