"""Gates: figures of the report held against the limits of the config. docs/gates.md has the form of the result."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from eval.evidence import Evidence
from eval.gates.chance import ALPHA
from eval.gates.config import GateRule
from eval.gates.figures.registry import GATE_FIGURES, Asked, MissingFigureError, Value
from eval.system_names import shipped
from parley.pipeline.errors import InputError

QUALITY: Final = "qe"  # what a report without translations is about


@dataclass(frozen=True)
class Gate:
    """One gate's outcome, as it stands in report.json."""

    name: str
    kind: str
    system: str
    metric: str
    compare: str
    limit: float
    value: float | None = None
    passed: bool | None = None
    pair: str | None = None
    ci: list[float] | None = None
    p_value: float | None = None
    note: str = ""


def evaluate_gates(
    evidence: Evidence,
    rules: Mapping[str, GateRule],
    comparisons: Sequence[Mapping[str, Any]] = (),
    strict: bool = False,
) -> list[dict[str, Any]]:
    """Hold every rule against the report.

    Args:
        evidence: the evaluation that is judged.
        comparisons: against the promoted model, and the best so far (`eval.comparison.compare`); a gate that fails
            against one fails.
        strict: fail what is beyond an absolute limit by chance, too.

    Returns:
        The key `gates`, in the order of the rules.

    Raises:
        InputError: the report has scores of no system.
    """
    return [asdict(_strictest(name, rule, evidence, comparisons, strict)) for name, rule in rules.items()]


def failed(gates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The gates that did not hold; those that were not judged are not among them."""
    return [gate for gate in gates if gate["passed"] is False]


def verdict_line(gate: Mapping[str, Any]) -> str:
    """One gate in one line, for terminals and logs."""
    word = {True: "passed", False: "FAILED", None: "not judged"}[gate["passed"]]
    where = f" ({gate['pair']})" if gate["pair"] else ""
    value = "-" if gate["value"] is None else f"{gate['value']:.4g}"
    note = f"; {gate['note']}" if gate["note"] else ""
    head = f"gate {gate['name']}: {word}, {gate['system']} {gate['metric']}{where}"
    return f"{head} {value}, limit {gate['compare']} {gate['limit']:g}{note}"


def shipped_system(evidence: Evidence) -> str:
    """The system that gates look at: the first of student_int8, student, teacher that has scores, else `qe`.

    Raises:
        InputError: the report has scores of no system.
    """
    if not evidence.systems and QUALITY in evidence.report:
        return QUALITY
    if not evidence.systems:
        raise InputError(f"{evidence.name}: the report has no scores, there is nothing to judge")
    return shipped(evidence.systems)


def leading_mean(evidence: Evidence) -> float:
    """Mean of the leading metric over the directions of the shipped system."""
    return float(evidence.report["mean"][shipped_system(evidence)][evidence.metric.name])


def _strictest(
    name: str, rule: GateRule, evidence: Evidence, comparisons: Sequence[Mapping[str, Any]], strict: bool
) -> Gate:
    """The outcome against the last promoted model, unless another comparison fails where that holds."""
    if not comparisons:
        return _judge(name, rule, evidence, None, strict)
    first, *others = [_judge(name, rule, evidence, comparison, strict) for comparison in comparisons]
    for gate, comparison in zip(others, comparisons[1:], strict=True):
        if first.passed is not False and gate.passed is False:
            note = f"against the best so far, {comparison['baseline']['report']}" + (
                f"; {gate.note}" if gate.note else ""
            )
            return replace(gate, note=note)
    return first


def _judge(name: str, rule: GateRule, evidence: Evidence, comparison: Mapping[str, Any] | None, strict: bool) -> Gate:
    system = rule.system or shipped_system(evidence)
    kind = "promoted" if rule.kind == "promoted" else "absolute"
    gate = Gate(name, kind, system, rule.figure, rule.compare, rule.limit)
    asked = Asked(evidence, rule.key, system, rule.against, rule.compare, rule.limit, comparison)
    try:
        found = GATE_FIGURES[rule.kind].value(asked)
    except MissingFigureError as missing:
        note = f"{'missing' if rule.required else 'not judged'}: {missing}"
        return Gate(**(asdict(gate) | {"passed": False if rule.required else None, "note": note}))
    if found.passed is None and asked.beyond(found.value):
        by_chance = not strict and _by_chance(asked, found)
        told = "; ".join(filter(None, ("within chance" if by_chance else "", found.note)))
        found = replace(found, passed=by_chance, note=told)
    return Gate(**(asdict(gate) | asdict(found) | {"passed": found.passed is not False}))


def _by_chance(asked: Asked, found: Value) -> bool:
    """Whether a value beyond the limit may be there by chance: by its p-value or, without one, by its interval."""
    if found.p_value is not None:
        return found.p_value >= ALPHA
    return found.ci is not None and not asked.beyond(found.ci[1] if asked.compare == ">=" else found.ci[0])
