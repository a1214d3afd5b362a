"""Runs the analyzers: questions from comparison and gates, answers, the questions those raise, one ranked list."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from eval.analyzers.finding import Finding
from eval.analyzers.question import Question, Side
from eval.analyzers.registry import ANALYZERS
from eval.comparison import matched_systems
from eval.evidence import Evidence
from eval.gates.config import GateRule
from eval.gates.figures.registry import GATE_FIGURES, value_at

MAX_PAIRS: Final = 20  # directions looked into per question, the worst first
MAX_DEPTH: Final = 4  # of a chain of questions
MIN_STRENGTH: Final = 0.1
PLACE_WEIGHT: Final = 0.5  # knowing where it hurts helps, knowing why helps more


def questions(
    now: Evidence,
    before: Evidence | None,
    comparison: Mapping[str, Any] | None,
    gates: Sequence[Mapping[str, Any]],
    rules: Mapping[str, GateRule],
) -> list[Question]:
    """What comparison and failed gates ask for; empty when nothing regressed and nothing failed."""
    asked = list(_regressions(now, before, comparison))
    for gate in gates:
        if gate["passed"] is False and (question := _of_gate(gate, now, rules[gate["name"]])):
            asked.append(question)
    return asked


def investigate(asked: Sequence[Question]) -> list[dict[str, Any]]:
    """Ask every analyzer every question it answers, and what follows from its findings.

    Returns:
        The key `findings`: the likeliest first.
    """
    found, seen = [], set()
    todo = list(asked)
    while todo:
        question = todo.pop(0)
        for name in ANALYZERS.names():
            entry = ANALYZERS[name]
            key = (name, question.topic, question.after.system, question.pairs, question.language)
            if question.topic not in entry.topics or key in seen:
                continue
            seen.add(key)
            chain = (*question.chain, name)
            for finding in entry.analyze(question):
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
    names = matched_systems(before, now)
    for system, entry in comparison["systems"].items():
        if entry["worse"]:
            worse = tuple(entry["worse"][:MAX_PAIRS])
            chain = (f"regression of {worse[0]}" + (f" and {len(entry['worse']) - 1} more" if worse[1:] else ""),)
            yield Question("loss", Side(now, system), Side(before, names[system]), worse, chain=chain)


def _of_gate(gate: Mapping[str, Any], now: Evidence, rule: GateRule) -> Question | None:
    """A failed gap asks for the gap; a failed figure of scores asks what is wrong with its worst directions."""
    asks, scores = GATE_FIGURES[rule.kind].asks, now.pairs(gate["system"])
    after, chain = Side(now, gate["system"]), (f"gate {gate['name']}",)
    if asks == "gap":
        name, other = now.metric.name, now.pairs(rule.against)
        order = sorted((d for d in scores if d in other), key=lambda d: scores[d][name] - other[d][name])
        return Question("gap", after, Side(now, rule.against), tuple(order[:MAX_PAIRS]), chain=chain)
    if asks != "level":
        return None
    found = {direction: value_at(entry, rule.key) for direction, entry in scores.items()}
    have = [direction for direction, value in found.items() if isinstance(value, int | float)]
    sign = 1 if rule.compare == ">=" else -1
    order = sorted(have, key=lambda direction: sign * found[direction])
    return Question("level", after, None, tuple(order[:MAX_PAIRS]), chain=chain)
