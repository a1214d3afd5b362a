"""Questions about made-up evaluations, asked of all analyzers as a run asks them."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.analyzers.investigation import investigate, questions
from eval.comparison import compare
from eval.evidence import Evidence
from eval.gates.config import parse_rule
from eval.gates.outcomes import evaluate_gates
from tests.eval.planted import COMPARISON

Finding = Mapping[str, Any]


def findings(before: Evidence | None, after: Evidence, **rules: str) -> Sequence[Finding]:
    """What all analyzers find, ranked; `rules` are gates, against the system that the report ships."""
    parsed = {name: parse_rule(name, text) for name, text in rules.items()}
    comparison = compare(before, after, COMPARISON) if before else None
    gates = evaluate_gates(after, parsed, [comparison] if comparison else [])
    return investigate(questions(after, before, comparison, gates, parsed))
