"""Gates: every kind of figure, limits on both sides, figures that are missing, losses that are chance."""

from dataclasses import asdict
from typing import Any

import pytest

from eval.comparison import compare
from eval.evidence import Evidence
from eval.gates.config import GateRule, GatesConfig
from eval.gates.gates import evaluate_gates, failed, shipped_system, verdict_line
from parley.pipeline.errors import InputError
from tests.eval.planted import COMPARISON, damaged, evidence, planted, rows

REPORT: dict[str, Any] = {
    "systems": {"teacher": {"params": 1000, "bytes": 4000}, "student_int8": {"params": 400, "bytes": 410}},
    "mean": {
        "teacher": {"chrf": 42.0, "off_target": 0.01},
        "student_int8": {"chrf": 40.0, "chrf_ci": [39.5, 40.5], "off_target": 0.02, "qe": {"score": 0.8}},
    },
    "pairs": {
        "en-fr": {"n": 9, "systems": {"teacher": {"chrf": 50.0}, "student_int8": {"chrf": 49.0, "off_target": 0.0}}},
        "fr-th": {"n": 9, "systems": {"teacher": {"chrf": 34.0}, "student_int8": {"chrf": 31.0, "off_target": 0.04}}},
    },
    "speed": {"student_int8": {"messages_per_second": 120.0}},
    "source_detection": {"accuracy": 0.97},
}  # fmt: skip


def judge(rule: GateRule, report: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    return evaluate_gates(Evidence(report or REPORT), GatesConfig(rules={"gate": rule}, **config))[0]


@pytest.mark.parametrize(
    ("rule", "value", "passed", "pair"),
    [
        (GateRule("mean.chrf", at_least=40.0), 40.0, True, None),  # the limit itself passes
        (GateRule("mean.chrf", at_least=40.1), 40.0, False, None),
        (GateRule("mean.chrf", at_least=41.0, system="teacher"), 42.0, True, None),
        (GateRule("mean.off_target", at_most=0.01), 0.02, False, None),
        (GateRule("mean.qe.score", at_least=0.7), 0.8, True, None),
        (GateRule("worst.chrf", at_least=30.0), 31.0, True, "fr-th"),
        (GateRule("worst.off_target", at_most=0.03), 0.04, False, "fr-th"),
        (GateRule("gap.mean", at_most=1.5), 2.0, False, None),
        (GateRule("gap.worst", at_most=3.0), 3.0, True, "fr-th"),
        (GateRule("gap.share", at_most=0.05), 2.0 / 42.0, True, None),
        (GateRule("size.bytes", at_most=500), 410.0, True, None),
        (GateRule("size.share", at_most=0.3), 0.4, False, None),
        (GateRule("speed.messages_per_second", at_least=100), 120.0, True, None),
        (GateRule("report.source_detection.accuracy", at_least=0.99), 0.97, False, None),
    ],
)
def test_figures(rule: GateRule, value: float, passed: bool, pair: str | None) -> None:
    gate = judge(rule)
    assert gate["ci"] == ([39.5, 40.5] if rule.figure == "mean.chrf" and not rule.system else None)
    assert gate["value"] == pytest.approx(value)
    assert (gate["passed"], gate["pair"], gate["kind"]) == (passed, pair, "absolute")


def test_a_gap_is_sure_where_its_interval_begins() -> None:
    found = {"en-fr": (-14.0, [-26.0, -5.0]), "fr-th": (-9.0, [-11.0, -6.5]), "th-en": (2.0, [-1.0, 4.0])}
    rows = {
        direction: {"comparisons": [{"a": "teacher", "b": "student", "delta": delta, "delta_ci": ci}]}
        for direction, (delta, ci) in found.items()
    }
    report = {**REPORT, "pairs": rows}
    gate = judge(GateRule("gap.sure", at_most=8.0, system="student"), report)
    assert (gate["value"], gate["pair"], gate["ci"], gate["passed"]) == (6.5, "fr-th", [6.5, 11.0], True)
    gate = judge(GateRule("gap.sure", at_most=5.0, system="student"), report)
    assert not gate["passed"]
    assert gate["note"] == "surely behind teacher by more: fr-th 6.5"
    turned = judge(GateRule("gap.sure", at_most=0.0, system="teacher", against="student"), report)
    assert (turned["value"], turned["pair"]) == (-1.0, "th-en")
    assert judge(GateRule("gap.sure", at_most=1.0))["note"].startswith("not judged: the report has no intervals")


def test_the_directions_beyond_the_limit_are_named() -> None:
    gate = judge(GateRule("worst.chrf", at_least=49.5))
    assert gate["note"] == "2 of 2 directions: fr-th 31, en-fr 49"
    assert verdict_line(gate) == (
        "gate gate: FAILED, student_int8 worst.chrf (fr-th) 31, limit >= 49.5; 2 of 2 directions: fr-th 31, en-fr 49"
    )


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (GateRule("mean.comet", at_least=0.5), "no mean.student_int8.comet"),
        (GateRule("mean.chrf", at_least=0.5, system="student"), "no mean.student.chrf"),
        (GateRule("worst.chrf", at_least=0.5, system="student"), "no scores of student"),
        (GateRule("gap.mean", at_most=1, against="student"), "no directions of both"),
        (GateRule("gap.mean", at_most=1, system="teacher"), "no directions of both teacher and teacher"),
        (GateRule("speed.latency_ms.p99", at_most=1), "no speed.student_int8.latency_ms.p99"),
        (GateRule("promoted.mean_loss", at_most=1), "no model is promoted yet"),
    ],
)
@pytest.mark.parametrize("required", [False, True])
def test_missing_figures_are_not_judged_unless_required(rule: GateRule, word: str, required: bool) -> None:
    gate = judge(GateRule(**(asdict(rule) | {"required": required})))
    assert gate["passed"] is (False if required else None)
    assert gate["value"] is None
    assert word in gate["note"]
    assert bool(failed([gate])) is required


@pytest.mark.parametrize(
    ("systems", "expected"),
    [
        (["teacher"], "teacher"),
        (["teacher", "student"], "student"),
        (["mine"], "mine"),
        (["a", "student_int8"], "student_int8"),
    ],
)
def test_the_shipped_system(systems: list[str], expected: str) -> None:
    evidence = Evidence({"mean": {name: {} for name in systems}})
    assert shipped_system(evidence, GatesConfig()) == expected
    assert shipped_system(evidence, GatesConfig(system="other")) == "other"


def test_a_report_without_scores_cannot_be_judged() -> None:
    with pytest.raises(InputError, match="no scores"):
        evaluate_gates(Evidence({}), GatesConfig(rules={"a": GateRule("mean.chrf", at_least=1)}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"figure": "chrf", "at_least": 1.0}, "begins with mean, worst"),
        ({"figure": "gap.median", "at_most": 1.0}, "gap.mean, gap.worst, gap.sure or gap.share"),
        ({"figure": "promoted.loss", "at_most": 1.0}, "begins with"),
        ({"figure": "mean.chrf"}, "one of at_least and at_most"),
        ({"figure": "mean.chrf", "at_least": 1.0, "at_most": 2.0}, "one of at_least and at_most"),
        ({"figure": "promoted.mean_loss", "at_least": 1.0}, "upper limit"),
    ],
)
def test_bad_rules(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GateRule(**values)


RULES = {
    "mean": GateRule("promoted.mean_loss", at_most=0.3),
    "worst": GateRule("promoted.worst_loss", at_most=1.0),
    "regressions": GateRule("promoted.regressions", at_most=0),
}


def against_promoted(edit: Any) -> dict[str, dict[str, Any]]:
    before, after = evidence(rows()), evidence(planted(rows(), edit))
    gates = evaluate_gates(after, GatesConfig(RULES, comparison=COMPARISON), compare(before, after, COMPARISON))
    return {gate["name"]: gate for gate in gates}


def test_a_significant_loss_fails_the_relative_gates() -> None:
    gates = against_promoted(lambda pair, _, row: damaged(row, 0.12) if pair == "en-fr" else row["hypothesis"])
    assert {name: gate["passed"] for name, gate in gates.items()} == {
        "mean": False,
        "worst": False,
        "regressions": False,
    }
    assert gates["regressions"]["value"] == 1
    assert gates["worst"]["pair"] == gates["regressions"]["pair"] == "en-fr"
    assert gates["worst"]["p_value"] < 0.05
    assert gates["mean"]["ci"][0] < gates["mean"]["value"] < gates["mean"]["ci"][1]


def test_chance_passes() -> None:
    gates = against_promoted(lambda pair, n, row: damaged(row, 0.5) if (pair, n) == ("en-fr", 3) else row["hypothesis"])
    assert all(gate["passed"] for gate in gates.values())
    assert "not" in gates["mean"]["note"]
    assert gates["regressions"]["value"] == 0
