"""Gates: figures of the report held against the limits of the config. docs/gates.md has the form of the result."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from eval.evidence import Evidence
from eval.gates.config import GateRule, GatesConfig
from eval.system_names import shipped
from parley.pipeline.errors import InputError

_LISTED: Final = 5  # directions named in a note


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


class _MissingError(Exception):
    """The report lacks a figure."""


def evaluate_gates(
    evidence: Evidence, config: GatesConfig, comparison: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Hold every rule against the report.

    Args:
        evidence: the evaluation that is judged.
        comparison: against the promoted model (`eval.comparison.compare`); None where nothing is promoted yet.

    Returns:
        The key `gates`, in the order of the rules.

    Raises:
        InputError: a rule names a system that no report could have scores of.
    """
    return [asdict(_judge(name, rule, evidence, config, comparison)) for name, rule in config.rules.items()]


def failed(gates: list[dict[str, Any]]) -> list[dict[str, Any]]:
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


def shipped_system(evidence: Evidence, config: GatesConfig) -> str:
    """The system that gates look at.

    Raises:
        InputError: the report has scores of no system.
    """
    if not evidence.systems:
        raise InputError(f"{evidence.name}: the report has no scores, there is nothing to judge")
    return config.system or shipped(evidence.systems)


def _judge(
    name: str, rule: GateRule, evidence: Evidence, config: GatesConfig, comparison: Mapping[str, Any] | None
) -> Gate:
    kind, _, key = rule.figure.partition(".")
    system = rule.system or shipped_system(evidence, config)
    against = rule.against or config.reference
    head: dict[str, Any] = {"name": name, "kind": "promoted" if kind == "promoted" else "absolute", "system": system}
    head |= {"metric": rule.figure, "compare": rule.compare}
    try:
        if kind == "promoted":
            facts = _promoted(key, rule, system, config, comparison)
        elif kind == "worst":
            facts = _worst(evidence, system, key, rule)
        elif kind == "gap":
            facts = _gap(evidence, system, against, key, rule)
        else:
            facts = _single(evidence, system, against, kind, key)
    except _MissingError as missing:
        passed = False if rule.required else None
        return Gate(
            **head, limit=rule.limit, passed=passed, note=f"{'missing' if rule.required else 'not judged'}: {missing}"
        )
    holds = facts["value"] >= rule.limit if rule.compare == ">=" else facts["value"] <= rule.limit
    return Gate(**head, limit=rule.limit, **({"passed": bool(holds)} | facts))


def value_at(values: Any, path: str) -> Any:
    """What lies at a dotted path (`qe.score`); None where there is nothing."""
    for part in path.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return None
        values = values[part]
    return values


def _number(values: Any, path: str, where: str) -> float:
    """A figure by its dotted path."""
    values = value_at(values, path)
    if values is None:
        raise _MissingError(f"the report has no {where}.{path}")
    if not isinstance(values, int | float) or not math.isfinite(values):
        raise _MissingError(f"{where}.{path} of the report is not a number")
    return float(values)


def _single(evidence: Evidence, system: str, against: str, kind: str, key: str) -> dict[str, Any]:
    report = evidence.report
    if kind == "report":
        return {"value": _number(report, key, "report")}
    section = {"mean": "mean", "size": "systems", "speed": "speed"}[kind]
    if (kind, key) == ("size", "share"):
        sizes = [_number(report.get(section, {}), f"{name}.params", section) for name in (system, against)]
        return {"value": sizes[0] / sizes[1], "note": f"of {against}'s {sizes[1] / 1e6:.1f} M parameters"}
    value = _number(report.get(section, {}), f"{system}.{key}", section)
    return {"value": value, "ci": value_at(report[section][system], f"{key}_ci")}


def _worst(evidence: Evidence, system: str, key: str, rule: GateRule) -> dict[str, Any]:
    """The direction furthest on the wrong side."""
    scores = evidence.pairs(system)
    if not scores:
        raise _MissingError(f"the report has no scores of {system}")
    values = {direction: _number(entry, key, f"pairs.{direction}.{system}") for direction, entry in scores.items()}
    sign = 1 if rule.compare == ">=" else -1
    ranked = sorted(values, key=lambda direction: sign * values[direction])
    beyond = [direction for direction in ranked if sign * values[direction] < sign * rule.limit]
    note = f"{len(beyond)} of {len(ranked)} directions: {_listed(beyond, values)}" if beyond else ""
    return {"value": values[ranked[0]], "pair": ranked[0], "ci": value_at(scores[ranked[0]], f"{key}_ci"), "note": note}


def _gap(evidence: Evidence, system: str, against: str, key: str, rule: GateRule) -> dict[str, Any]:
    """chrF that a system lies behind another: `worst`, `sure`, `mean`, or as a `share` of the other's mean."""
    if key == "sure":
        return _sure_gap(evidence, system, against, rule)
    mine, theirs = evidence.pairs(system), evidence.pairs(against)
    gaps = {d: theirs[d]["chrf"] - mine[d]["chrf"] for d in mine if d in theirs}
    if not gaps or system == against:
        raise _MissingError(f"the report has no directions of both {system} and {against}")
    if key == "worst":
        ranked = sorted(gaps, key=lambda direction: -gaps[direction])
        beyond = [direction for direction in ranked if gaps[direction] > rule.limit]
        note = (
            f"behind {against} in {len(beyond)} of {len(ranked)} directions: {_listed(beyond, gaps)}" if beyond else ""
        )
        return {"value": gaps[ranked[0]], "pair": ranked[0], "note": note}
    mean, other = sum(gaps.values()) / len(gaps), sum(theirs[d]["chrf"] for d in gaps) / len(gaps)
    if key == "share":
        return {"value": mean / other if other else 1.0, "note": f"of {against}'s mean chrF {other:.1f}"}
    return {"value": mean, "note": f"mean of {len(gaps)} directions behind {against}"}


def _sure_gap(evidence: Evidence, system: str, against: str, rule: GateRule) -> dict[str, Any]:
    """The direction whose paired interval begins furthest behind: few messages alone cannot fail it."""
    behind: dict[str, tuple[float, float]] = {}
    for direction, entry in evidence.report.get("pairs", {}).items():
        for row in entry.get("comparisons", []):
            low, high = row["delta_ci"]
            if (row["a"], row["b"]) == (against, system):
                behind[direction] = (-high, -low)
            elif (row["a"], row["b"]) == (system, against):
                behind[direction] = (low, high)
    if not behind:
        raise _MissingError(f"the report has no intervals of {system} against {against}")
    ranked = sorted(behind, key=lambda direction: -behind[direction][0])
    beyond = {direction: behind[direction][0] for direction in ranked if behind[direction][0] > rule.limit}
    note = f"surely behind {against} by more: {_listed(list(beyond), beyond)}" if beyond else ""
    return {"value": behind[ranked[0]][0], "pair": ranked[0], "ci": list(behind[ranked[0]]), "note": note}


def _promoted(
    key: str, rule: GateRule, system: str, config: GatesConfig, comparison: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Losses against the promoted model; only what is significant can fail a gate."""
    if comparison is None:
        raise _MissingError("no model is promoted yet")
    found = comparison["systems"].get(system)
    if not found or not found["pairs"]:
        raise _MissingError(f"the promoted report shares no direction of {system}")
    alpha, pairs, worse = config.comparison.alpha, found["pairs"], found["worse"]
    losses = {direction: -pairs[direction]["delta"] for direction in pairs}
    how = f"{config.comparison.correction}, alpha {alpha:g}"
    if key == "mean_loss":
        mean = found["mean"]
        sure = mean["p_value"] < alpha
        value, ci = -mean["delta"], [-mean["delta_ci"][1], -mean["delta_ci"][0]]
        note = "" if sure else "not significant"
        return {
            "value": value,
            "ci": ci,
            "p_value": mean["p_value"],
            "note": note,
            "passed": value <= rule.limit or not sure,
        }
    worst = worse[0] if worse else None
    p_value = pairs[worst]["p_adjusted"] if worst else None
    note = f"{_listed(worse, losses)} ({how})" if worse else f"no direction is significantly worse ({how})"
    value = float(len(worse)) if key == "regressions" else (losses[worst] if worst else 0.0)
    return {"value": value, "pair": worst, "p_value": p_value, "note": note}


def _listed(some: list[str], values: Mapping[str, float]) -> str:
    text = ", ".join(f"{direction} {values[direction]:.3g}" for direction in some[:_LISTED])
    return f"{text} and {len(some) - _LISTED} more" if len(some) > _LISTED else text
