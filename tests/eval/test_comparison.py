"""Two evaluations compared: what is worse is found, what is chance is not, and the kind of test is told."""

from dataclasses import replace
from typing import Any

import pytest
from sacrebleu import corpus_chrf

from eval.comparison import compare, matched_systems
from eval.evidence import Evidence
from parley.metrics.chrf import Chrf, chrf_statistics
from parley.metrics.registry import METRICS
from parley.metrics.significance import Bootstrap, interval, p_value
from tests.eval.planted import COMPARISON, damaged, evidence, planted, rows


@pytest.fixture(scope="module")
def before() -> Evidence:
    return evidence(rows(), "before")


def worse_into(target: str, share: float = 0.12) -> list[dict[str, str]]:
    return planted(rows(), lambda pair, _, row: damaged(row, share) if pair.endswith(target) else row["hypothesis"])


def teacher(comparison: dict[str, Any]) -> dict[str, Any]:
    found = comparison["systems"]["teacher"]
    assert isinstance(found, dict)
    return found


def test_the_worse_directions_are_found_and_no_others(before: Evidence) -> None:
    found = teacher(compare(before, evidence(worse_into("fr")), COMPARISON))
    assert set(found["worse"]) == {"en-fr", "de-fr"}
    assert found["better"] == []
    entry = found["pairs"]["en-fr"]
    assert entry["verdict"] == "worse"
    assert entry["delta_ci"][0] < entry["delta"] < entry["delta_ci"][1] < 0
    assert (entry["test"], entry["n_before"], entry["common"]) == ("paired", 60, 60)
    assert found["mean"]["delta"] < 0
    assert found["mean"]["p_value"] < 0.05


def test_points_are_sacrebleus_and_the_test_is_the_paired_bootstrap(before: Evidence) -> None:
    after = evidence(worse_into("fr"))
    entry = teacher(compare(before, after, COMPARISON))["pairs"]["en-fr"]
    sides = [one.messages("teacher", "en-fr") for one in (before, after)]
    assert sides[0] is not None
    assert sides[1] is not None
    assert entry["before"] == corpus_chrf(sides[0].hypotheses, [sides[0].references]).score
    counts = [chrf_statistics(side.hypotheses, side.references)[:, :18] for side in sides if side]
    draw = Bootstrap(60, 2000, 1)
    old, new = (Chrf().scores(draw.sums(side, range(60))) for side in counts)
    assert entry["p_value"] == p_value(new - old)
    assert entry["delta_ci"] == list(interval(new - old))


def test_the_same_outputs_are_the_same(before: Evidence) -> None:
    found = teacher(compare(before, before, COMPARISON))
    assert found["worse"] == found["better"] == []
    assert {entry["verdict"] for entry in found["pairs"].values()} == {"same"}
    assert found["mean"]["delta"] == 0


def test_better_is_told_from_worse(before: Evidence) -> None:
    found = teacher(compare(evidence(worse_into("fr")), before, COMPARISON))
    assert set(found["better"]) == {"en-fr", "de-fr"}


def test_correction_makes_chance_findings_rare() -> None:
    """Two draws of the same damage in twenty directions: some differ by chance, at a level of 0.3."""
    lines = rows(("en", "fr", "de", "es", "th"), 30)
    sides = [evidence(planted(lines, lambda _, __, row, s=salt: damaged(row, 0.2, s))) for salt in "ab"]  # type: ignore[misc]
    alarms = {}
    for kind in ("none", "benjamini_hochberg", "holm"):
        found = teacher(compare(*sides, replace(COMPARISON, correction=kind, alpha=0.3)))  # type: ignore[arg-type]
        alarms[kind] = len(found["worse"]) + len(found["better"])
    assert alarms["none"] >= 3
    assert alarms["holm"] <= alarms["benjamini_hochberg"] <= 1


def test_a_margin_leaves_small_losses_out(before: Evidence) -> None:
    found = teacher(compare(before, evidence(worse_into("fr")), replace(COMPARISON, margin=50.0)))
    assert found["worse"] == []


def test_other_messages_are_compared_unpaired(before: Evidence) -> None:
    others = [row | {"row_id": f"new:{row['row_id'][4:]}"} for row in worse_into("fr", 0.5)]
    entry = teacher(compare(before, evidence(others), COMPARISON))["pairs"]["en-fr"]
    assert (entry["test"], entry["common"]) == ("unpaired", 0)
    assert entry["verdict"] == "worse"


def test_a_changed_reference_is_another_message(before: Evidence) -> None:
    edited = [row | ({"reference": "tout autre chose"} if row["row_id"] == "row:7" else {}) for row in rows()]
    entry = teacher(compare(before, evidence(edited), COMPARISON))["pairs"]["en-fr"]
    assert (entry["test"], entry["common"]) == ("paired", 59)
    assert entry["delta"] == 0


def test_without_outputs_the_intervals_must_do(before: Evidence) -> None:
    bare = Evidence(evidence(worse_into("fr", 0.5)).report)
    found = teacher(compare(before, bare, COMPARISON))
    assert found["pairs"]["en-fr"]["test"] == "intervals"
    assert set(found["worse"]) == {"en-fr", "de-fr"}
    assert found["mean"]["delta"] < 0


def test_directions_of_one_side_only_are_named(before: Evidence) -> None:
    found = teacher(compare(before, evidence(rows(("en", "fr", "es"))), COMPARISON))
    assert set(found["pairs"]) == {"en-fr", "fr-en"}
    assert "en-de" in found["only_before"]
    assert "en-es" in found["only_after"]


def test_lone_systems_match_whatever_their_names(before: Evidence) -> None:
    renamed = evidence([row | {"system": "model"} for row in rows()])
    assert matched_systems(before, renamed) == {"model": "teacher"}
    assert set(compare(before, renamed, COMPARISON)["systems"]) == {"model"}


def test_any_metric_tests_differences(before: Evidence) -> None:
    after = Evidence(evidence(worse_into("fr")).report, "after", evidence(worse_into("fr")).outputs, "bleu")
    found = compare(before, after, COMPARISON)
    entry = teacher(found)["pairs"]["en-fr"]
    assert found["metric"] == "bleu"
    assert entry["before"] == before.pairs("teacher")["en-fr"]["bleu"]
    assert entry["verdict"] == "worse"
    assert METRICS["bleu"] is after.metric
