"""What quality estimation sees more of: errors of accuracy, fluency or consistency, and how severe they are.

Against a better side a kind is as strong as its share of the errors that came to be; alone, as its share of all errors.
"""

from collections.abc import Mapping
from typing import Any, Final

from eval.analyzers.finding import Finding, figure, listed
from eval.analyzers.question import Question, Side, example
from eval.analyzers.registry import analyzer
from parley.metrics.message_quality import DIMENSIONS, SEVERITIES

MIN_RATE: Final = 1.0  # errors per 100 words, more than before or at all
MIN_SHARE: Final = 0.4  # of these errors
MIN_MESSAGES: Final = 10  # scored in a direction; fewer say nothing
ADVICE: Final = {
    "accuracy": "read the marked words: are they names, numbers or terms? Then look at data and vocabulary of the pair",
    "fluency": "read the marked words: spelling and word order come from text of the target language; is it clean?",
    "consistency": "the conversation decides here: does the system get the messages before?",
}
Rates = Mapping[str, float]


@analyzer("quality_errors", "loss", "gap", "level")
def quality_errors(question: Question) -> list[Finding]:
    """One finding per dimension that makes up much of the errors of some directions."""
    found: dict[str, dict[str, tuple[float, float]]] = {}  # dimension -> direction -> errors, and share of all errors
    for direction in question.pairs:
        after = error_rates(question.after, direction)
        before = error_rates(question.before, direction) if question.before else {}
        if not after or (question.before and not before):
            continue
        more = {kind: max(0.0, after[kind] - before.get(kind, 0.0)) for kind in DIMENSIONS}
        total = sum(more.values())
        for kind, rate in more.items():
            if rate >= MIN_RATE and rate >= MIN_SHARE * total:
                found.setdefault(kind, {})[direction] = rate, rate / total
    return [_finding(question, kind, concerned) for kind, concerned in found.items()]


def error_rates(side: Side, direction: str) -> Rates:
    """Errors per 100 words by dimension and severity; empty where quality estimation read too few messages."""
    quality: Mapping[str, Any] = side.scores(direction).get("qe") or {}
    if quality.get("n", 0) < MIN_MESSAGES:
        return {}
    found = {kind: quality.get("dimensions", {}).get(kind, 0.0) for kind in DIMENSIONS}
    return found | {kind: quality.get(kind, 0.0) for kind in SEVERITIES}


def _finding(question: Question, kind: str, concerned: Mapping[str, tuple[float, float]]) -> Finding:
    order = sorted(concerned, key=lambda direction: -concerned[direction][0])
    worst = order[0]
    after = error_rates(question.after, worst)
    before = error_rates(question.before, worst) if question.before else {}
    then = f" ({worst} before: {before[kind]:.1f})" if before else ""
    shown = [kind, *(severity for severity in SEVERITIES[::-1] if after[severity])]
    return Finding(
        kind="place",
        strength=sum(share for _, share in concerned.values()) / len(concerned),
        title=f"errors of {kind} in {listed(order)}: {after[kind]:.1f} per 100 words{then}, by quality estimation",
        pairs=tuple(order),
        evidence=tuple(
            figure(f"{name} errors of {worst}", before.get(name), after[name], "per 100 words") for name in shown
        ),
        next=ADVICE[kind],
        examples=tuple(_examples(question.after, worst, kind)),
    )


def _examples(side: Side, direction: str, kind: str) -> list[dict[str, Any]]:
    """Worst messages of the direction with an error of this kind, where outputs are stored."""
    messages = side.messages(direction)
    told = side.report.get("pairs", {}).get(direction, {}).get("telling", {}).get("qe", {}).get(side.system, [])
    if messages is None:
        return []
    place = {row_id: line for line, row_id in enumerate(messages.row_ids)}
    lines = [
        place[one["row_id"]]
        for one in told
        if one["row_id"] in place and any(span["dimension"] == kind for span in one["spans"])
    ]
    return [example(direction, messages, line) for line in lines[:3]]
