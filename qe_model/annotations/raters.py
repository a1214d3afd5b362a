"""Several raters of one translation: each for itself, their majority, their worst, or soft labels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from parley.languages.words import Interval
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import (
    SEVERITY_LABELS,
    AnnotatedTranslation,
    SeverityWeights,
    Side,
    WordLabels,
    penalty,
)
from qe_model.annotations.words import word_labels, words_of_side

Aggregation = Literal["majority", "worst", "soft"]
AGGREGATIONS: Final[tuple[Aggregation, ...]] = get_args(Aggregation)


def split_raters(
    translation: AnnotatedTranslation, weights: SeverityWeights | None = None
) -> list[AnnotatedTranslation]:
    """One copy for each rater with that rater's spans, ids ending in `:rater`; MQM scores are each rater's own."""
    if len(translation.raters) < 2:
        return [translation]
    copies = []
    for rater in translation.raters:
        spans = tuple(span for span in translation.spans if span.rater == rater)
        score = -penalty(spans, weights=weights) if translation.score_kind == "mqm" else translation.score
        copies.append(replace(translation, id=f"{translation.id}:{rater}", spans=spans, raters=(rater,), score=score))
    return copies


def labels_of(
    translation: AnnotatedTranslation,
    how: Aggregation = "majority",
    words: Sequence[Interval] | None = None,
    side: Side = "target",
) -> WordLabels:
    """Labels of the words and gaps of one side, all raters taken together.

    - majority: bad where at least half of the raters marked something; the severity is the median of their marks (the
      lower of two), the dimension the most frequent one.
    - worst: bad where anybody marked something, with the worst severity.
    - soft: as majority, with the share of raters per severity in `soft` and `soft_gaps`.

    Args:
        words: character intervals of any tokenizer; the annotators' own words where there are none.

    Raises:
        InputError: unknown aggregation.
    """
    if how not in AGGREGATIONS:
        raise InputError(f"aggregation is '{how}': it must be one of {' '.join(AGGREGATIONS)}")
    places = tuple(words_of_side(translation, side) if words is None else words)
    raters = translation.raters or ("",)
    if how == "worst" or len(raters) == 1:
        labels = word_labels(translation.spans, places, side)
        return _with_shares(labels, [labels]) if how == "soft" else labels
    each = [word_labels(translation.spans_of(rater, side), places, side) for rater in raters]
    labels = _majority(places, each)
    return _with_shares(labels, each) if how == "soft" else labels


@dataclass(frozen=True)
class _Vote:
    severity: int
    dimension: int


def _majority(words: tuple[Interval, ...], each: Sequence[WordLabels]) -> WordLabels:
    on_words = [
        _vote([labels.severity[i] for labels in each], [labels.dimension[i] for labels in each])
        for i in range(len(words))
    ]
    on_gaps = [
        _vote([labels.gaps[i] for labels in each], [labels.gap_dimension[i] for labels in each])
        for i in range(len(words) + 1)
    ]
    return WordLabels(
        words,
        tuple(vote.severity for vote in on_words),
        tuple(vote.dimension for vote in on_words),
        tuple(vote.severity for vote in on_gaps),
        tuple(vote.dimension for vote in on_gaps),
    )


def _vote(severities: list[int], dimensions: list[int]) -> _Vote:
    marks = sorted(severity for severity in severities if severity)
    if 2 * len(marks) < len(severities) or not marks:
        return _Vote(0, 0)
    kinds = [kind for severity, kind in zip(severities, dimensions, strict=True) if severity]
    return _Vote(marks[(len(marks) - 1) // 2], max(sorted(set(kinds)), key=kinds.count))


def _with_shares(labels: WordLabels, each: Sequence[WordLabels]) -> WordLabels:
    return replace(labels, soft=_shares([one.severity for one in each]), soft_gaps=_shares([one.gaps for one in each]))


def _shares(severities: Sequence[Sequence[int]]) -> tuple[tuple[float, ...], ...]:
    """[N][4] from [raters][N]."""
    levels = range(len(SEVERITY_LABELS))
    return tuple(
        tuple(column.count(level) / len(column) for level in levels) for column in zip(*severities, strict=True)
    )
