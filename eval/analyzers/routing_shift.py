"""Do the experts serve a language differently: its distribution over experts moved, or collapsed onto one.

Experts have no fixed numbers: after a new training expert 3 may be what expert 5 was. So the experts of a layer are
first matched, one to one, by how the languages use them; what is then still different is a shift. 0 is the same
distribution, 1 is none in common (total variation).
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eval.analyzers.finding import Finding, figure
from eval.analyzers.question import Question
from eval.analyzers.registry import analyzer
from parley.languages.table import pair

MIN_SHIFT: Final = 0.15
MIN_AHEAD: Final = 1.5  # times the median language's shift: all languages moving is another training, not a fault
Shares = NDArray[np.float64]


@analyzer("routing_shift", "loss", "language")
def routing_shift(question: Question) -> list[Finding]:
    """One finding per language whose routing moved more than that of the others."""
    if question.before is None or question.before.evidence is question.after.evidence:
        return []
    shifts = language_shifts(question.before.report.get("routing", {}), question.after.report.get("routing", {}))
    middle = float(np.median([max(layers.values()) for layers in shifts.values()])) if shifts else 0.0
    found = []
    for code in question.languages():
        layer, shift = max(shifts.get(code, {"": 0.0}).items(), key=lambda item: item[1])
        concerned = tuple(direction for direction in question.pairs if code in pair(direction))
        if not concerned or shift < max(MIN_SHIFT, MIN_AHEAD * middle):
            continue
        evidence = (
            figure(f"routing of {code} that moved, {layer}", None, shift, "share"),
            figure("the same for the median language", None, middle, "share"),
        )
        title = (
            f"{shift:.0%} of the routing of {code} moved to other experts in {layer} (median language: {middle:.0%})"
        )
        advice = f"see the routing page: which languages share the experts of {code} now, and their load"
        found.append(Finding("cause", shift - middle, title, concerned, evidence, advice))
    return found


def language_shifts(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Total variation of each language's distribution over matched experts, by language and layer."""
    languages = [code for code in after.get("languages", []) if code in before.get("languages", [])]
    tables = [routing.get("experts_by_language", {}) for routing in (before, after)]
    found: dict[str, dict[str, float]] = {code: {} for code in languages}
    for layer in (name for name in tables[1] if name in tables[0]):
        rows = [
            np.array([table[layer][routing["languages"].index(code)] for code in languages], np.float64)
            for table, routing in zip(tables, (before, after), strict=True)
        ]
        if not languages or rows[0].shape != rows[1].shape:
            continue
        moved = 0.5 * np.abs(rows[0] - rows[1][:, match_experts(rows[0], rows[1])]).sum(1)
        for code, value in zip(languages, moved, strict=True):
            found[code][layer] = float(value)
    return {code: layers for code, layers in found.items() if layers}


def match_experts(before_LE: Shares, after_LE: Shares) -> list[int]:
    """For each expert before, the expert after that the languages use most alike; greedy, one to one.

    L languages, E experts.
    """
    apart_EE = np.abs(before_LE[:, :, None] - after_LE[:, None, :]).sum(0)
    matched = [-1] * len(apart_EE)
    for _ in matched:
        row, column = np.unravel_index(np.argmin(apart_EE), apart_EE.shape)
        matched[row] = int(column)
        apart_EE[row, :] = apart_EE[:, column] = np.inf
    return matched
