"""Decoding gone wrong: outputs that copy the source, loop, are empty, cut short, or in another language.

Against an earlier or better side, an anomaly is as strong as the share of the loss that is gone without the messages
that show it newly. Alone (a limit was passed) it is as strong as it is frequent.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from eval.analyzers.finding import Finding, figure, listed
from eval.analyzers.question import EXAMPLES, Flags, Question, example
from eval.analyzers.registry import analyzer
from eval.scoring import failures
from eval.stored_outputs import DirectionOutputs
from parley.languages.table import pair

if TYPE_CHECKING:
    from parley.languages.identification import LanguageIdentifier

MIN_EXPLAINED: Final = 0.15  # of a pair's loss
MIN_RATE: Final = 0.03  # of all outputs, where there is nothing to compare with
MIN_MESSAGES: Final = 3
ADVICE: Final = {
    "loops": "look at length_factor of decoding and at how often the end token was trained",
    "copies of the source": "look for untranslated rows in the data of these pairs, and at the copy filter",
    "empty outputs": "look for rows with empty or one-letter targets, and at the end token",
    "outputs cut short": "look at length_factor, max_new_tokens and the length filters of these pairs",
    "outputs far too long": "look at length_factor and at misaligned rows of these pairs",
    "outputs in another language": "look at the language tags, and at the language filter for these pairs",
}


@analyzer("decoding_anomalies", "loss", "gap", "level")
def decoding_anomalies(question: Question) -> list[Finding]:
    """One finding per anomaly that explains part of the loss of some pairs, or is frequent."""
    return _alone(question) if question.before is None else _compared(question)


def anomalies(messages: DirectionOutputs, direction: str) -> dict[str, Flags]:
    """[N] flags by kind; each message counts for the first kind that it shows."""
    source, target = pair(direction)
    texts, references = messages.hypotheses, messages.references
    detector = _identifier()
    wrong = [bool(text.strip()) and detector.off_target(text, target, source) for text in texts]
    sizes = [np.array([len("".join(text.split())) for text in side]) for side in (texts, references)]
    found = {
        "empty outputs": failures.empties(texts) & (sizes[1] > 0),
        "loops": failures.loops(texts, messages.sources, references),
        "copies of the source": failures.copies(texts, messages.sources, references),
        "outputs in another language": np.array(wrong, bool),
        "outputs cut short": failures.omissions(texts, references),
        "outputs far too long": (sizes[0] > 2 * sizes[1]) & (sizes[0] - sizes[1] >= failures.MIN_LENGTH),
    }
    taken = np.zeros(len(messages), bool)
    for kind, flags in found.items():
        found[kind] = flags & ~taken
        taken |= flags
    return found


@cache
def _identifier() -> "LanguageIdentifier":
    from parley.languages.identification import LanguageIdentifier

    return LanguageIdentifier()


def _compared(question: Question) -> list[Finding]:
    shares: dict[str, dict[str, float]] = {}
    new: dict[tuple[str, str], Flags] = {}
    rates: dict[tuple[str, str], tuple[float, float]] = {}
    for direction, both in question.aligned.items():
        then, now = anomalies(both.before, direction), anomalies(both.after, direction)
        for kind, flags in now.items():
            new[kind, direction] = flags & ~then[kind]
            rates[kind, direction] = float(then[kind].mean()), float(flags.mean())
            share = both.explained(new[kind, direction])
            if share >= MIN_EXPLAINED and new[kind, direction].sum() >= MIN_MESSAGES:
                shares.setdefault(kind, {})[direction] = share
    return [_finding(question, kind, concerned, new, rates) for kind, concerned in shares.items()]


def _finding(
    question: Question,
    kind: str,
    shares: Mapping[str, float],
    new: Mapping[tuple[str, str], Flags],
    rates: Mapping[tuple[str, str], tuple[float, float]],
) -> Finding:
    order = sorted(shares, key=lambda direction: -shares[direction])
    worst, both = order[0], question.aligned[order[0]]
    before, after = (float(np.mean([rates[kind, direction][side] for direction in order])) for side in (0, 1))
    whole, rest, unit = both.loss(), both.loss(~new[kind, worst]), question.metric.label
    title = f"{kind} in {listed(order)}: {after:.1%} of the messages (before: {before:.1%}); in {worst} the loss is "
    evidence = (
        figure(f"{kind}, share of messages", before, after, "share"),
        figure(f"loss of {worst}", None, whole, unit),
        figure(f"loss of {worst} without these messages", None, rest, unit),
    )
    return Finding(
        kind="cause",
        strength=float(np.mean(list(shares.values()))),
        title=title + f"{rest:.1f} {unit} without these messages, {whole:.1f} with them",
        pairs=tuple(order),
        evidence=evidence,
        next=ADVICE[kind],
        examples=tuple(both.examples(worst, new[kind, worst])),
        leads_to=tuple(
            question.follow(topic="language", language=code, pairs=tuple(order)) for code in _targets(order)
        ),
    )


def _targets(order: list[str]) -> list[str]:
    return list(dict.fromkeys(pair(direction)[1] for direction in order))[:3]


def _alone(question: Question) -> list[Finding]:
    """Frequent anomalies of the outputs, without anything to compare with."""
    flagged: dict[str, dict[str, Flags]] = {}
    for direction in question.pairs:
        messages = question.after.messages(direction)
        for kind, flags in anomalies(messages, direction).items() if messages else ():
            if flags.mean() >= MIN_RATE and flags.sum() >= MIN_MESSAGES:
                flagged.setdefault(kind, {})[direction] = flags
    found = []
    for kind, by_pair in flagged.items():
        order = sorted(by_pair, key=lambda direction: -by_pair[direction].mean())
        worst = question.after.messages(order[0])
        assert worst is not None
        rate = float(np.mean([flags.mean() for flags in by_pair.values()]))
        lines = np.flatnonzero(by_pair[order[0]])[:EXAMPLES].tolist()
        examples = tuple(example(order[0], worst, line) for line in lines)
        title = f"{kind} in {listed(order)}: {rate:.1%} of the messages"
        shown = (figure(f"{kind}, share of messages", None, rate, "share"),)
        found.append(Finding("cause", rate, title, tuple(order), shown, ADVICE[kind], examples))
    return found
