"""Several raters of one translation taken together: their majority, and the share that each severity has."""

from collections.abc import Sequence
from dataclasses import replace

from parley.languages.words import Interval
from qe_model.annotations.annotation import SEVERITY_LABELS, AnnotatedTranslation, Side, WordLabels
from qe_model.annotations.words import word_labels, words_of_side


def labels_of(
    translation: AnnotatedTranslation,
    words: Sequence[Interval] | None = None,
    side: Side = "target",
    shares: bool = False,
) -> WordLabels:
    """Labels of the words and gaps of one side, all raters taken together.

    Bad where at least half of the raters marked something; the severity is the median of their marks (the lower of
    two), the dimension the most frequent one.

    Args:
        words: character intervals of any tokenizer; the annotators' own words where there are none.
        shares: whether `soft` and `soft_gaps` are filled too, with the share of raters per severity.
    """
    places = tuple(words_of_side(translation, side) if words is None else words)
    raters = translation.raters or ("",)
    if len(raters) == 1:
        each = [word_labels(translation.spans, places, side)]
    else:
        each = [word_labels(translation.spans_of(rater, side), places, side) for rater in raters]
    labels = each[0] if len(each) == 1 else _majority(places, each)
    if not shares:
        return labels
    return replace(labels, soft=_shares([one.severity for one in each]), soft_gaps=_shares([one.gaps for one in each]))


def _majority(words: tuple[Interval, ...], each: Sequence[WordLabels]) -> WordLabels:
    severity, dimension = _votes([one.severity for one in each], [one.dimension for one in each])
    gaps, gap_dimension = _votes([one.gaps for one in each], [one.gap_dimension for one in each])
    return WordLabels(words, severity, dimension, gaps, gap_dimension)


def _votes(
    severities: Sequence[Sequence[int]], dimensions: Sequence[Sequence[int]]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Severities [N] and dimensions [N] that the majority gives, from [raters][N] of each."""
    places = zip(zip(*severities, strict=True), zip(*dimensions, strict=True), strict=True)
    votes = [_vote(marks, kinds) for marks, kinds in places]
    return tuple(severity for severity, _ in votes), tuple(dimension for _, dimension in votes)


def _vote(severities: Sequence[int], dimensions: Sequence[int]) -> tuple[int, int]:
    marks = sorted(severity for severity in severities if severity)
    if 2 * len(marks) < len(severities) or not marks:
        return 0, 0
    kinds = [kind for severity, kind in zip(severities, dimensions, strict=True) if severity]
    return marks[(len(marks) - 1) // 2], max(sorted(set(kinds)), key=kinds.count)


def _shares(severities: Sequence[Sequence[int]]) -> tuple[tuple[float, ...], ...]:
    """[N][4] from [raters][N]."""
    levels = range(len(SEVERITY_LABELS))
    return tuple(
        tuple(column.count(level) / len(column) for level in levels) for column in zip(*severities, strict=True)
    )
