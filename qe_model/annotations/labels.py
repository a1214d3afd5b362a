"""From what raters marked to what the model learns: shares of raters per word, gap and source word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from parley.languages.words import Interval
from qe_model.annotations.annotation import DIMENSION_LABELS, SEVERITY_LABELS, AnnotatedTranslation
from qe_model.annotations.raters import labels_of
from qe_model.arrays import Floats

SCORED_DIMENSIONS: Final = DIMENSION_LABELS[1:4]  # accuracy, fluency, consistency: those the model tells apart
UNKNOWN_DIMENSION: Final = -100


@dataclass(frozen=True, slots=True)
class ExampleLabels:
    """Labels of one joint input; N words, N + 1 gaps, M source words.

    Attributes:
        target, gaps, source: [N, 4], [N + 1, 4], [M, 4] shares of raters per severity; not-a-number where annotations
            do not tell: in the columns of severities, or in all.
        target_dimension, gap_dimension: [N], [N + 1] position in `SCORED_DIMENSIONS`, or -100.
    """

    target: Floats
    gaps: Floats
    source: Floats
    target_dimension: Floats
    gap_dimension: Floats

    def part(self, target: slice, source: slice) -> "ExampleLabels":
        """Labels of some words of either side."""
        gaps = slice(target.start, target.stop + 1)
        return ExampleLabels(
            self.target[target],
            self.gaps[gaps],
            self.source[source],
            self.target_dimension[target],
            self.gap_dimension[gaps],
        )


def style_of(translation: AnnotatedTranslation) -> str:
    """One of `STYLES`: how the example was annotated, which decides how much is marked."""
    if translation.style or translation.origin == "synthetic":
        return translation.style or "synthetic"
    return "mqm" if "severity" in translation.known else "tags"


def example_labels(
    translation: AnnotatedTranslation,
    target_words: Sequence[Interval],
    source_words: Sequence[Interval],
) -> ExampleLabels:
    """Labels of a translation, every rater with the same vote."""
    known = translation.known
    target = labels_of(translation, target_words, shares=True)
    source = labels_of(translation, source_words, "source", shares=True)
    return ExampleLabels(
        target=_shares(target.soft, True, "severity" in known),
        gaps=_shares(target.soft_gaps, "gaps" in known, "severity" in known),
        source=_shares(source.soft, "source" in known, "severity" in known),
        target_dimension=_dimension(target.dimension),
        gap_dimension=_dimension(target.gap_dimension),
    )


def _shares(soft: Sequence[Sequence[float]] | None, told: bool, graded: bool) -> Floats:
    shares = np.array(soft or (), np.float32).reshape(-1, len(SEVERITY_LABELS))
    shares[:, 0 if not told else len(SEVERITY_LABELS) if graded else 1 :] = np.nan
    return shares


def _dimension(labels: Sequence[int]) -> Floats:
    """Positions in `SCORED_DIMENSIONS`, -100 where a label is none of those."""
    places = np.array(labels, np.int64) - 1
    return np.where((places >= 0) & (places < len(SCORED_DIMENSIONS)), places, UNKNOWN_DIMENSION)
