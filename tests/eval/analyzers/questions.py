"""Questions about made-up evaluations, asked of all analyzers as a run asks them."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.analyzers.engine import investigate, questions
from eval.comparison import compare
from eval.evidence import Evidence
from eval.gates.config import GateRule, GatesConfig
from eval.gates.gates import evaluate_gates
from tests.eval.planted import COMPARISON

Finding = Mapping[str, Any]


def findings(before: Evidence | None, after: Evidence, **rules: GateRule) -> Sequence[Finding]:
    """What all analyzers find, ranked; `rules` are gates, against the system that the report ships."""
    config = GatesConfig(rules, comparison=COMPARISON)
    comparison = compare(before, after, COMPARISON) if before else None
    gates = evaluate_gates(after, config, comparison)
    return investigate(questions(after, before, comparison, gates, config))
