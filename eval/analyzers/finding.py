"""What analyzers answer: findings with their evidence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eval.analyzers.question import Question


@dataclass(frozen=True)
class Finding:
    """One answer. docs/gates.md has the meaning of the fields; `leads_to` are questions for other analyzers."""

    kind: Literal["cause", "place"]
    strength: float
    title: str
    pairs: tuple[str, ...]
    evidence: tuple[dict[str, Any], ...]
    next: str
    examples: tuple[dict[str, Any], ...] = ()
    leads_to: tuple[Question, ...] = field(default=(), repr=False)


def figure(label: str, before: float | None, after: float | None, unit: str) -> dict[str, Any]:
    """One line of evidence."""
    return {"label": label, "before": before, "after": after, "unit": unit}


def listed(directions: Sequence[str], most: int = 4) -> str:
    """Names in a sentence: `fr-th, th-fr and 3 more`."""
    shown = ", ".join(directions[:most])
    return f"{shown} and {len(directions) - most} more" if len(directions) > most else shown
