"""Does the scorer read the conversation? Accuracy on pairs of which only the messages before tell the right one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from parley.metrics.significance import Floats
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.evaluation.metrics import DocumentBootstrap, Estimate
from qe_model.synthetic.contrastive import KINDS, ContrastivePair

if TYPE_CHECKING:
    from qe_model.scoring.scorer import QualityScorer


def context_accuracy(scorer: "QualityScorer", rows: Sequence[AnnotatedTranslation]) -> dict[str, Any]:
    """Share of pairs in which the form that fits scores higher: with the conversation, without it, the difference.

    `by_kind` has the share with the conversation for formality, gender and terms.
    """
    pairs = paired(rows)
    with_it, without = (won(scorer, versions) for versions in (pairs, [without_context(pair) for pair in pairs]))
    shares = {"with_context": with_it, "without_context": without, "gain": with_it - without}
    found: dict[str, Any] = {"pairs": len(pairs)}
    found |= {name: mean_over_utterances(pairs, values).to_json() for name, values in shares.items()}
    found["by_kind"] = {}
    for kind in KINDS:
        places = [place for place, pair in enumerate(pairs) if pair.kind == kind]
        if places:
            estimate = mean_over_utterances([pairs[place] for place in places], with_it[places])
            found["by_kind"][kind] = estimate.to_json()
    return found


def paired(rows: Sequence[AnnotatedTranslation]) -> list[ContrastivePair]:
    """The pairs of which both halves are there."""
    halves: dict[str, dict[str, AnnotatedTranslation]] = defaultdict(dict)
    for one in rows:
        name, _, half = one.id.rpartition(":")
        halves[name][half] = one
    return [ContrastivePair(both["right"], both["wrong"]) for both in halves.values() if len(both) == 2]


def without_context(pair: ContrastivePair) -> ContrastivePair:
    """The same two translations with the conversation taken away."""
    return ContrastivePair(replace(pair.right, context=()), replace(pair.wrong, context=()))


def won(scorer: "QualityScorer", pairs: Sequence[ContrastivePair]) -> Floats:
    """[N] 1 where the fitting form scores higher, one half for equal scores."""
    said = np.array([one.score for one in scorer.score([half for pair in pairs for half in (pair.right, pair.wrong)])])
    return (said[::2] > said[1::2]) + 0.5 * (said[::2] == said[1::2])


def mean_over_utterances(pairs: Sequence[ContrastivePair], values: Floats) -> Estimate:
    """Mean of [N], with an interval over utterances: all pairs of one come and go together."""
    utterances = [f"{pair.right.direction} {pair.right.source}" for pair in pairs]
    counts = np.stack([values, np.ones(len(values))], axis=1)
    return DocumentBootstrap(utterances).estimate(counts, lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1))
