"""`worst.KEY`: a figure of the direction that is furthest on the wrong side."""

from collections.abc import Mapping
from typing import Any

from eval.gates.chance import POOLED, Tested, worst_of
from eval.gates.figures.registry import Asked, MissingFigureError, Value, gate_figure, number, value_at
from eval.scoring.message_scores import RATES


@gate_figure("worst", asks="level")
def worst(asked: Asked) -> Value:
    """The worst direction's value; the note names all directions beyond the limit.

    A share of messages is also tested over all directions into one language, for what is wrong with a language is seen
    with few messages a direction only when they are taken together.
    """
    scores = asked.evidence.pairs(asked.system)
    if not scores:
        raise MissingFigureError(f"the report has no scores of {asked.system}")
    return worst_of(asked, {d: _direction(asked, d, entry) for d, entry in scores.items()} | _pooled(asked))


def _direction(asked: Asked, direction: str, scores: Mapping[str, Any]) -> Tested:
    value = number(scores, asked.key, f"pairs.{direction}.{asked.system}")
    n = asked.evidence.report["pairs"][direction]["n"] if asked.key in RATES.values() else None
    return Tested(value, value_at(scores, f"{asked.key}_ci"), n)


def _pooled(asked: Asked) -> dict[str, Tested]:
    into = asked.evidence.report.get("into", {}).get(asked.system, {})
    found = {code: shares[asked.key] for code, shares in into.items() if asked.key in shares}
    return {POOLED + code: Tested(one["share"], n=one["effective_n"]) for code, one in found.items()}
