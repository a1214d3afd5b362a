"""Several raters taken together."""

import pytest

from qe_model.annotations.annotation import AnnotatedTranslation, ErrorSpan
from qe_model.annotations.raters import labels_of

TEXT = "one two three"
THREE = AnnotatedTranslation(
    "a", "d", "s", "de", "en", "eins zwei drei", TEXT, raters=("x", "y", "z"),
    spans=(ErrorSpan(0, 3, dimension="accuracy", severity="major", rater="x"),
           ErrorSpan(0, 3, dimension="fluency", severity="minor", rater="y"),
           ErrorSpan(4, 7, severity="critical", rater="x"),
           ErrorSpan(4, 4, severity="minor", rater="x"), ErrorSpan(4, 4, severity="minor", rater="z")),
)  # fmt: skip


def test_majority_needs_half_of_the_raters() -> None:
    labels = labels_of(THREE)
    assert labels.severity == (1, 0, 0)  # two of three marked the first word, the lower median is minor
    assert labels.gaps == (0, 1, 0, 0)
    assert labels.soft is None


def test_soft_labels_are_shares_of_raters() -> None:
    labels = labels_of(THREE, shares=True)
    assert labels.soft is not None
    assert labels.soft_gaps is not None
    assert labels.soft[0] == pytest.approx((1 / 3, 1 / 3, 1 / 3, 0))
    assert labels.soft[1] == pytest.approx((2 / 3, 0, 0, 1 / 3))
    assert labels.soft_gaps[1] == pytest.approx((1 / 3, 2 / 3, 0, 0))
    assert labels.severity == labels_of(THREE).severity


def test_any_words_will_do() -> None:
    characters = [(i, i + 1) for i in range(len(TEXT))]
    assert labels_of(THREE, characters).severity == (1, 1, 1, *[0] * 10)
