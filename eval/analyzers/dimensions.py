"""Which messages lose: the report's buckets by length, domain, slang, emoji, names, numbers, rare words and so on.

A bucket is a finding when its messages lose more than the rest (paired bootstrap, Holm over the buckets), and carry
more of the loss than of the messages.
"""

from typing import Final

import numpy as np

from eval.analyzers.finding import Finding, figure
from eval.analyzers.question import Aligned, Flags, Question
from eval.analyzers.registry import analyzer
from eval.sampled_scores import SampledScores
from eval.scoring.buckets import KINDS, bucket_rows, frequent_words
from eval.stored_outputs import DirectionOutputs
from parley.languages.table import pair
from parley.metrics.significance import Bootstrap, adjusted

SAMPLES: Final = 2000
ALPHA: Final = 0.01
MIN_MESSAGES: Final = 10
MIN_EXCESS: Final = 0.15  # share of the loss minus share of the messages


@analyzer("dimensions", "loss", "gap")
def dimensions(question: Question) -> list[Finding]:
    """The buckets that explain most, one per direction and feature."""
    found = [finding for direction, both in question.aligned.items() for finding in _of_pair(question, direction, both)]
    return sorted(found, key=lambda finding: (-finding.strength, finding.title))[:10]


def buckets(messages: DirectionOutputs, direction: str) -> dict[str, Flags]:
    """[N] membership by bucket; rare words are those that few of these messages have."""
    code = pair(direction)[0]
    frequent = {code: frequent_words(messages.sources, code)}
    found = {}
    for (kind, name), lines in bucket_rows(
        direction, messages.sources, messages.references, messages.domains, frequent
    ).items():
        if name != "without":
            inside = np.zeros(len(messages), bool)
            inside[lines] = True
            found[KINDS[kind].lower() if kind in KINDS else f"{kind} {name}"] = inside
    return found


def _of_pair(question: Question, direction: str, both: Aligned) -> list[Finding]:
    candidates = {
        name: inside
        for name, inside in buckets(both.after, direction).items()
        if MIN_MESSAGES <= inside.sum() <= len(both) - MIN_MESSAGES
    }
    if not candidates or both.loss() <= 0:
        return []
    scored = SampledScores(both.metric, both.after.place, Bootstrap(len(both), SAMPLES))
    p_values = adjusted([_p_worse(scored, both, inside) for inside in candidates.values()])
    found = []
    for (name, inside), p_value in zip(candidates.items(), p_values, strict=True):
        excess = both.explained(inside) - float(inside.mean())
        if p_value < ALPHA and excess >= MIN_EXCESS:
            found.append(_finding(question, direction, both, name, inside, excess))
    return found


def _p_worse(scored: SampledScores, both: Aligned, inside: Flags) -> float:
    """One-sided p-value of the bucket losing no more than the rest."""
    parts = [np.flatnonzero(flags).tolist() for flags in (inside, ~inside)]
    losses = [scored.of(both.before, lines)[1] - scored.of(both.after, lines)[1] for lines in parts]
    apart = losses[0] - losses[1]
    apart = apart[~np.isnan(apart)]
    return float(((apart <= 0).sum() + 1) / (len(apart) + 1))


def _finding(question: Question, direction: str, both: Aligned, name: str, inside: Flags, excess: float) -> Finding:
    losses = [both.loss(inside), both.loss(~inside)]
    share, unit = float(inside.mean()), both.metric.label
    return Finding(
        kind="place",
        strength=excess,
        title=f"{direction}: messages with {name} lose {losses[0]:.1f} {unit}, the others {losses[1]:.1f}",
        pairs=(direction,),
        evidence=(
            figure(f"loss with {name}", None, losses[0], unit),
            figure("loss of the others", None, losses[1], unit),
            figure(f"share of messages with {name}", None, share, "share"),
            figure("share of the loss that is gone without them", None, both.explained(inside), "share"),
        ),
        next=f"read the examples; compare training rows with {name} of both runs",
        examples=tuple(both.examples(direction, inside)),
    )
