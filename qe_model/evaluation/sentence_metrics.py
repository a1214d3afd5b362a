"""How well sentence scores agree with human ones.

A correlation alone misleads: minus the target's length reaches high values, since long sentences hold more errors. So
look at the accuracy among translations of one source, at Spearman per direction and at scores per word, side by side.
Higher scores are better on both sides. Legend: N translations, P pairs, B samples, D documents.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parley.metrics.significance import Floats, interval
from qe_model.arrays import Bools
from qe_model.evaluation.metrics import DocumentBootstrap, Estimate, Ints

_BLOCK: Final = 64  # samples ranked at a time: bounds memory


@dataclass(frozen=True)
class Pairs:
    """All P pairs of translations of one source.

    Attributes:
        first, second: [P] positions of the translations.
    """

    first: Ints
    second: Ints

    @classmethod
    def of(cls, groups: Sequence[Hashable]) -> "Pairs":
        """Pairs within equal groups; `groups` [N] names the source of each translation."""
        members: dict[Hashable, list[int]] = defaultdict(list)
        for position, group in enumerate(groups):
            members[group].append(position)
        found = [pair for positions in members.values() for pair in combinations(positions, 2)]
        table = np.array(found, np.int64).reshape(-1, 2)
        return cls(table[:, 0], table[:, 1])

    def __len__(self) -> int:
        return len(self.first)


def ordered_alike(pairs: Pairs, human: Floats, scores: Floats, tie: float) -> NDArray[np.bool_]:
    """[P] whether a pair is ordered as humans order it; scores within `tie` count as equal (Deutsch et al. 2023)."""
    gap_human = human[pairs.first] - human[pairs.second]
    gap = scores[pairs.first] - scores[pairs.second]
    return np.sign(gap_human) == np.where(np.abs(gap) <= tie, 0, np.sign(gap))


def tie_threshold(pairs: Pairs, human: Floats, scores: Floats) -> float:
    """The `tie` with the highest accuracy ("tie calibration"); tune it on dev. 0 without pairs."""
    if not len(pairs):
        return 0.0
    gap_human = np.sign(human[pairs.first] - human[pairs.second])
    gap = scores[pairs.first] - scores[pairs.second]
    order = np.argsort(np.abs(gap), kind="stable")
    gap_human, gap = gap_human[order], gap[order]
    # calling the k closest pairs ties: right for their human ties, and for the rest where the signs agree
    right = np.cumsum(gap_human == 0) + (gap_human == np.sign(gap)).sum() - np.cumsum(gap_human == np.sign(gap))
    last_of_value = np.append(np.abs(gap[1:]) != np.abs(gap[:-1]), True)
    none = ordered_alike(pairs, human, scores, 0.0).sum()
    best = int(np.argmax(np.where(last_of_value, right, -1)))
    return float(np.abs(gap[best])) if right[best] > none else 0.0


def pairwise_accuracy(
    pairs: Pairs, human: Floats, scores: Floats, tie: float, bootstrap: DocumentBootstrap
) -> Estimate:
    """Share of pairs of translations of one source in the human order, ties included; nan without pairs."""
    right = ordered_alike(pairs, human, scores, tie)
    counts = np.stack([right, np.ones_like(right)], axis=1)
    return bootstrap.estimate(counts, _share, bootstrap.rows[pairs.first])


def spearman(human: Floats, scores: Floats, bootstrap: DocumentBootstrap) -> Estimate:
    """Rank correlation over one direction."""
    weights = bootstrap.weights()
    blocks = (weights[i : i + _BLOCK] for i in range(0, len(weights), _BLOCK))
    low, high = interval(np.concatenate([_correlation(human, scores, block[:, bootstrap.rows]) for block in blocks]))
    return Estimate(float(_correlation(human, scores, np.ones((1, len(human))))[0]), low, high)


def system_accuracy(systems: Sequence[str], human: Floats, scores: Floats, bootstrap: DocumentBootstrap) -> Estimate:
    """Share of pairs of systems that the mean scores order as the mean human scores do (Kocmi et al. 2021).

    Systems that share no document with all others are compared on what each has; nan with fewer than two systems.
    """
    names = sorted(set(systems))
    place = np.array([names.index(system) for system in systems])
    counts = np.zeros((len(systems), 3 * len(names)))
    for kind, values in enumerate((np.ones(len(human)), human, scores)):
        counts[np.arange(len(systems)), kind * len(names) + place] = values

    def score(sums: Floats) -> Floats:
        number, of_human, of_scores = np.split(sums, 3, axis=1)
        first, second = np.triu_indices(len(names), 1)
        means = [_divided(part, number) for part in (of_human, of_scores)]
        gaps = [mean[:, first] - mean[:, second] for mean in means]
        known = ~np.isnan(gaps[0])
        right = (np.sign(gaps[0]) == np.sign(gaps[1])) & known
        return _share(np.stack([right.sum(1), known.sum(1)], axis=1).astype(np.float64))

    return bootstrap.estimate(counts, score)


def publishable(goes_out: Bools, clean: Bools, bootstrap: DocumentBootstrap) -> dict[str, Any]:
    """Of N translations, `coverage`: the share that goes out without a look; `precision`: the share of these that is
    clean, nan where nothing goes out; `clean`: the share of all that is."""
    counts = np.stack([goes_out & clean, goes_out, clean, np.ones_like(clean)], axis=1)
    shares = {"precision": (0, 1), "coverage": (1, 3), "clean": (2, 3)}
    return {name: bootstrap.estimate(counts[:, columns], _share).to_json() for name, columns in shares.items()}


def _share(sums: Floats) -> Floats:
    return _divided(sums[:, 0], sums[:, 1])


def _divided(upper: Floats, lower: Floats) -> Floats:
    return np.divide(upper, lower, out=np.full_like(upper, np.nan), where=lower > 0)


def _correlation(human: Floats, scores: Floats, weights: Floats) -> Floats:
    """Correlations of ranks [B] under weights [B, N]; nan where a side is constant."""
    x, y = _ranks(human, weights), _ranks(scores, weights)
    total = weights.sum(1, keepdims=True)
    x, y = x - (weights * x).sum(1, keepdims=True) / total, y - (weights * y).sum(1, keepdims=True) / total
    spread = np.sqrt((weights * x * x).sum(1) * (weights * y * y).sum(1))
    product = (weights * x * y).sum(1)
    return np.divide(product, spread, out=np.full(len(product), np.nan), where=spread > 1e-9)


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Mid-ranks [B, N] of values [N] that are drawn `weights` times."""
    distinct, group = np.unique(values, return_inverse=True)
    mass = np.zeros((len(weights), len(distinct)))
    for row, weight in zip(mass, weights, strict=True):
        row[:] = np.bincount(group, weight, minlength=len(distinct))
    middle = np.cumsum(mass, axis=1) - mass / 2
    return middle[:, group]
