"""Gates: every kind of figure, limits on both sides, figures that are missing, losses that are chance."""

from typing import Any

import pytest

from eval.comparison import compare
from eval.evidence import Evidence
from eval.gates.config import GatesConfig, parse_rule
from eval.gates.decision import decide
from eval.gates.figures.registry import GATE_FIGURES, Asked, Value, gate_figure
from eval.gates.outcomes import evaluate_gates, failed, shipped_system, verdict_line
from parley.pipeline.errors import InputError
from tests.eval.planted import COMPARISON, damaged, evidence, planted, rows
from tests.registries import may_change

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
    "copy_accuracy": {"student_int8": {"all": {"accuracy": 0.98, "n": 50}, "urls": {"accuracy": 1.0, "n": 5}}},
    "slices": {"noisy": {"student_int8": {"chrf": 36.0, "clean": 40.0, "share": 0.9, "delta": -4.0}}},
}  # fmt: skip


def judge(rule: str, report: dict[str, Any] | None = None) -> dict[str, Any]:
    return evaluate_gates(Evidence(report or REPORT), {"gate": parse_rule("gate", rule)})[0]


@pytest.mark.parametrize(
    ("rule", "value", "passed", "pair"),
    [
        ("mean.chrf >= 40.0", 40.0, True, None),  # the limit itself passes
        ("mean.chrf >= 40.1", 40.0, True, None),  # within its interval
        ("mean.chrf >= 40.6", 40.0, False, None),
        ("teacher mean.chrf >= 41.0", 42.0, True, None),
        ("mean.off_target <= 0.01", 0.02, False, None),
        ("mean.qe.score >= 0.7", 0.8, True, None),
        ("worst.chrf >= 30.0", 31.0, True, "fr-th"),
        ("worst.off_target <= 0.03", 0.04, True, "fr-th"),  # of nine messages
        ("worst.off_target <= 0.0", 0.04, False, "fr-th"),
        ("gap.mean <= 1.5", 2.0, False, None),
        ("gap.worst <= 3.0", 3.0, True, "fr-th"),
        ("gap.share <= 0.05", 2.0 / 42.0, True, None),
        ("size.bytes <= 500", 410.0, True, None),
        ("size.share <= 0.3", 0.4, False, None),
        ("speed.messages_per_second >= 100", 120.0, True, None),
        ("report.source_detection.accuracy >= 0.99", 0.97, False, None),
        ("copy.all >= 0.99", 0.98, False, None),
        ("copy.urls >= 0.99", 1.0, True, None),
        ("slices.noisy.share >= 0.85", 0.9, True, None),
        ("slices.noisy.delta >= -3", -4.0, False, None),
    ],
)
def test_figures(rule: str, value: float, passed: bool, pair: str | None) -> None:
    gate = judge(rule)
    assert gate["ci"] == ([39.5, 40.5] if rule.startswith("mean.chrf") else None)
    assert gate["value"] == pytest.approx(value)
    assert (gate["passed"], gate["pair"], gate["kind"]) == (passed, pair, "absolute")


def test_a_number_of_the_report_has_the_interval_beside_it() -> None:
    told = REPORT | {"backtranslation": {"mean": {"delta": 4.0, "delta_ci": [2.0, 6.0]}}}
    within, beyond = (judge(f"report.backtranslation.mean.delta >= {limit}", told) for limit in (5, 7))
    assert within["ci"] == [2.0, 6.0]
    assert within["passed"]
    assert not beyond["passed"]


def test_the_directions_beyond_the_limit_are_named() -> None:
    gate = judge("worst.chrf >= 49.5")
    assert gate["note"] == "2 of 2 directions: fr-th 31, en-fr 49"
    assert verdict_line(gate) == (
        "gate gate: FAILED, student_int8 worst.chrf (fr-th) 31, limit >= 49.5; 2 of 2 directions: fr-th 31, en-fr 49"
    )


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("mean.comet >= 0.5", "no mean.student_int8.comet"),
        ("student mean.chrf >= 0.5", "no mean.student.chrf"),
        ("student worst.chrf >= 0.5", "no scores of student"),
        ("vs student gap.mean <= 1", "no directions of both"),
        ("teacher gap.mean <= 1", "no directions of both teacher and teacher"),
        ("copy.names >= 1", "no report.copy_accuracy.student_int8.names"),
        ("teacher slices.noisy.share >= 1", "no report.slices.noisy.teacher.share"),
        ("speed.latency_ms.p99 <= 1", "no speed.student_int8.latency_ms.p99"),
        ("promoted.mean_loss <= 1", "no model is promoted yet"),
    ],
)
@pytest.mark.parametrize("required", [False, True])
def test_missing_figures_are_not_judged_unless_required(rule: str, word: str, required: bool) -> None:
    gate = judge(f"{rule} required" if required else rule)
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
    assert shipped_system(evidence) == expected


def test_a_report_without_scores_cannot_be_judged() -> None:
    with pytest.raises(InputError, match="no scores"):
        evaluate_gates(Evidence({}), {"a": parse_rule("a", "mean.chrf >= 1")})


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            "chrf >= 1",
            "unknown gate figure 'chrf'; choose copy or gap or mean or promoted or report or safety or size",
        ),
        ("meen.chrf >= 1", "gates.rules.bad: unknown gate figure 'meen'; choose mean"),
        ("mean >= 1", "no key ''"),
        ("gap.median <= 1", "no key 'median'; choose mean, worst, share"),
        ("promoted.loss <= 1", "no key 'loss'; choose mean_loss"),
        ("mean.chrf", r"'mean.chrf' is no gate; write \[SYSTEM\] \[vs OTHER\] FIGURE >= LIMIT"),
        ("mean.chrf => 1", "'mean.chrf => 1' is no gate"),
        ("mean.chrf >= 1.2.3", "is no gate"),
        ("student teacher mean.chrf >= 1", "is no gate"),
        ("promoted.mean_loss >= 1", "a loss has an upper limit"),
    ],
)
def test_bad_rules(rule: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        GatesConfig({"bad": rule})


def test_a_rule_names_system_and_other_in_words() -> None:
    rule = parse_rule("int8", " student_int8  vs student gap.mean<=3e-1  required ")
    assert (rule.system, rule.against, rule.figure) == ("student_int8", "student", "gap.mean")
    assert (rule.compare, rule.limit, rule.required) == ("<=", 0.3, True)
    rule = parse_rule("worst", "vs nllb-200 gap.worst <= 2")
    assert (rule.system, rule.against, rule.key) == ("", "nllb-200", "worst")


def test_a_figure_from_elsewhere_is_a_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    may_change(GATE_FIGURES, monkeypatch)

    @gate_figure("directions", keys=("count",))
    def directions(asked: Asked) -> Value:
        return Value(float(len(asked.evidence.pairs(asked.system))), note="all of them")

    gate = judge("teacher directions.count >= 3")
    assert (gate["value"], gate["passed"], gate["note"]) == (2.0, False, "all of them")


RULES = {
    "mean": "promoted.mean_loss <= 0.3",
    "worst": "promoted.worst_loss <= 1.0",
    "regressions": "promoted.regressions <= 0",
}


def against_promoted(edit: Any) -> dict[str, dict[str, Any]]:
    before, after = evidence(rows()), evidence(planted(rows(), edit))
    gates = evaluate_gates(after, GatesConfig(RULES).parsed, [compare(before, after, COMPARISON)])
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


def test_quality_estimation_alone_is_judged_and_compared() -> None:
    now = Evidence({"pairs": {}, "qe": {"synthetic": {"mcc": 0.5, "mcc_ci": [0.4, 0.6]}}})
    rules = {"mcc": "report.qe.synthetic.mcc >= 0.3", "loss": "promoted.mean_loss <= 0.3"}
    decision = decide(now, GatesConfig(rules), [(now, {"report": "a"})])
    assert {gate["name"]: (gate["system"], gate["passed"]) for gate in decision.gates} == {
        "mcc": ("qe", True),
        "loss": ("qe", None),
    }
