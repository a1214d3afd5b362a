"""Where among the directions a loss lies: into or out of one language, one script, one family.

Takes the differences of all directions, so that "everything into Thai" is told apart from twenty single losses.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from eval.analyzers.finding import Finding, figure, listed
from eval.analyzers.question import Question
from eval.analyzers.registry import analyzer
from parley.languages.table import LANGUAGES, pair

MIN_DIRECTIONS: Final = 3
MIN_ERRORS: Final = 3.0  # standard errors between the group's mean and the rest's
MIN_INSIDE: Final = 0.6  # of the directions asked about must be in the group


@analyzer("direction_groups", "loss", "gap")
def direction_groups(question: Question) -> list[Finding]:
    """The one group that the losses share best, if any."""
    if question.before is None:
        return []
    key = question.metric.name
    old, new = (side.evidence.pairs(side.system) for side in (question.before, question.after))
    deltas = {direction: new[direction][key] - old[direction][key] for direction in new if direction in old}
    found = [finding for group in _groups(deltas) if (finding := _finding(question, deltas, *group))]
    return sorted(found, key=lambda finding: (-finding.strength, len(finding.pairs), finding.title))[:1]


def _groups(deltas: dict[str, float]) -> Iterator[tuple[str, str, set[str]]]:
    """(name, language or nothing, directions)."""
    codes = {code for direction in deltas for code in pair(direction)}
    for word, side in (("into", 1), ("out of", 0)):
        for code in sorted(codes):
            yield f"{word} {code}", code, {d for d in deltas if pair(d)[side] == code}
        for attribute in ("script", "family"):
            for value in sorted({str(getattr(LANGUAGES[code], attribute)) for code in codes}):
                members = {d for d in deltas if getattr(LANGUAGES[pair(d)[side]], attribute) == value}
                if len({pair(d)[side] for d in members}) > 1:  # one language is a group already
                    yield f"{word} languages of {attribute} {value}", "", members


def _finding(
    question: Question, deltas: dict[str, float], name: str, language: str, members: set[str]
) -> Finding | None:
    asked = [direction for direction in question.pairs if direction in deltas]
    inside = [direction for direction in asked if direction in members]
    rest = [deltas[direction] for direction in deltas if direction not in members]
    group = [deltas[direction] for direction in members]
    if len(group) < MIN_DIRECTIONS or len(rest) < MIN_DIRECTIONS or len(inside) < max(3, MIN_INSIDE * len(asked)):
        return None
    error = float(np.hypot(np.std(group) / np.sqrt(len(group)), np.std(rest) / np.sqrt(len(rest)))) or 1e-9
    apart = float(np.mean(rest) - np.mean(group))
    if apart < MIN_ERRORS * error or np.mean(group) >= 0:
        return None
    losses = [max(0.0, -deltas[direction]) for direction in deltas]
    covered = sum(max(0.0, -value) for value in group) / sum(losses)
    unit = question.metric.label
    leads = (question.follow(topic="language", language=language, pairs=tuple(inside)),) if language else ()
    return Finding(
        kind="place",
        strength=max(0.0, covered - len(group) / len(deltas)),
        title=f"{name}: {np.mean(group):+.1f} {unit} on average ({listed(inside)}), elsewhere {np.mean(rest):+.1f}",
        pairs=tuple(inside),
        evidence=(
            figure(f"mean change {name}, {len(group)} directions", None, float(np.mean(group)), unit),
            figure(f"mean change of the other {len(rest)}", None, float(np.mean(rest)), unit),
        ),
        next="what is common to these directions is a better suspect than any single pair",
        leads_to=leads,
    )
