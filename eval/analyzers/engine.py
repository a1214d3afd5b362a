"""Runs the analyzers: questions from comparison and gates, answers, the questions those raise, one ranked list."""

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import eval.analyzers
from eval.analyzers.case import Finding, Question, Side
from eval.evidence import Evidence
from eval.gates.config import GatesConfig
from eval.gates.gates import value_at

MAX_PAIRS: Final = 20  # directions looked into per question, the worst first
MAX_DEPTH: Final = 4  # of a chain of questions
MIN_STRENGTH: Final = 0.1
PLACE_WEIGHT: Final = 0.5  # knowing where it hurts helps, knowing why helps more
LEVEL_FIGURES: Final = ("mean", "worst")


def discover() -> dict[str, ModuleType]:
    """Every analyzer of the package by its module's name."""
    names = sorted(module.name for module in pkgutil.iter_modules(eval.analyzers.__path__))
    modules = {name: import_module(f"{eval.analyzers.__name__}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "analyze")}


def questions(
    now: Evidence,
    before: Evidence | None,
    comparison: Mapping[str, Any] | None,
    gates: Sequence[Mapping[str, Any]],
    config: GatesConfig,
) -> list[Question]:
    """What comparison and failed gates ask for; empty when nothing regressed and nothing failed."""
    asked = list(_regressions(now, before, comparison))
    for gate in gates:
        if gate["passed"] is False and (question := _of_gate(gate, now, config)):
            asked.append(question)
    return asked


def investigate(asked: Sequence[Question]) -> list[dict[str, Any]]:
    """Ask every analyzer every question it answers, and what follows from its findings.

    Returns:
        The key `findings`: the likeliest first.
    """
    analyzers, found, seen = discover(), [], set()
    todo = list(asked)
    while todo:
        question = todo.pop(0)
        for name, module in analyzers.items():
            key = (name, question.topic, question.after.system, question.pairs, question.language)
            if question.topic not in module.TOPICS or key in seen:
                continue
            seen.add(key)
            chain = (*question.chain, name)
            for finding in module.analyze(question):
                if finding.strength >= MIN_STRENGTH:
                    found.append((name, question, chain, finding))
                if len(chain) < MAX_DEPTH:
                    todo += [next_one.follow(chain=chain) for next_one in finding.leads_to]
    return _ranked(found)


def _ranked(found: list[tuple[str, Question, tuple[str, ...], Finding]]) -> list[dict[str, Any]]:
    """Strongest first; the same finding by two ways is told once, with the stronger of the two."""
    order = sorted(found, key=lambda entry: (-_weight(entry[3]), -len(entry[3].pairs), entry[0], entry[3].title))
    told: dict[tuple[str, str, str], dict[str, Any]] = {}
    for name, question, chain, finding in order:
        entry = {
            "rank": 0,
            "analyzer": name,
            "kind": finding.kind,
            "strength": round(min(1.0, finding.strength), 3),
            "system": question.after.system,
            "pairs": list(finding.pairs),
            "title": finding.title,
            "evidence": list(finding.evidence),
            "examples": list(finding.examples),
            "chain": list(chain),
            "next": finding.next,
        }
        told.setdefault((name, question.after.system, finding.title), entry)
    return [entry | {"rank": rank} for rank, entry in enumerate(told.values(), 1)]


def _weight(finding: Finding) -> float:
    return finding.strength * (PLACE_WEIGHT if finding.kind == "place" else 1.0)


def _regressions(now: Evidence, before: Evidence | None, comparison: Mapping[str, Any] | None) -> Iterator[Question]:
    if before is None or comparison is None:
        return
    from eval.comparison import matched_systems

    names = matched_systems(before, now)
    for system, entry in comparison["systems"].items():
        if entry["worse"]:
            worse = tuple(entry["worse"][:MAX_PAIRS])
            chain = (f"regression of {worse[0]}" + (f" and {len(entry['worse']) - 1} more" if worse[1:] else ""),)
            yield Question("loss", Side(now, system), Side(before, names[system]), worse, chain=chain)


def _of_gate(gate: Mapping[str, Any], now: Evidence, config: GatesConfig) -> Question | None:
    """A failed gap asks for the gap; a failed figure of scores asks what is wrong with its worst directions."""
    rule = config.rules[gate["name"]]
    kind, _, key = rule.figure.partition(".")
    after, chain = Side(now, gate["system"]), (f"gate {gate['name']}",)
    scores = now.pairs(gate["system"])
    if kind == "gap":
        other = now.pairs(rule.against or config.reference)
        order = sorted((d for d in scores if d in other), key=lambda d: scores[d]["chrf"] - other[d]["chrf"])
        return Question(
            "gap", after, Side(now, rule.against or config.reference), tuple(order[:MAX_PAIRS]), chain=chain
        )
    if kind not in LEVEL_FIGURES:
        return None
    found = {direction: value_at(entry, key) for direction, entry in scores.items()}
    have = [direction for direction, value in found.items() if isinstance(value, int | float)]
    sign = 1 if rule.compare == ">=" else -1
    order = sorted(have, key=lambda direction: sign * found[direction])
    return Question("level", after, None, tuple(order[:MAX_PAIRS]), chain=chain)
