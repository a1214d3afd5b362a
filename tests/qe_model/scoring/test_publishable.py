import numpy as np
import pytest

from qe_model.annotations.annotation import AnnotatedTranslation, ErrorSpan, Severity
from qe_model.scoring.publishable import NOTHING, has_error, has_serious_error, publishable_penalty


def test_as_much_goes_out_as_nine_in_ten_allow() -> None:
    serious = np.array([place >= 90 for place in range(200)])
    assert publishable_penalty(np.arange(200.0), serious) == 99.0


def test_equal_penalties_go_out_together_or_not_at_all() -> None:
    penalties, serious = np.repeat([1.0, 2.0], 50), np.repeat([False, True], 50)
    assert publishable_penalty(penalties, serious) == 1.0


@pytest.mark.parametrize("count", [0, 3, 100])
def test_nothing_goes_out_where_errors_are_everywhere_or_little_is_known(count: int) -> None:
    assert publishable_penalty(np.zeros(count), np.full(count, count > 3)) == NOTHING


@pytest.mark.parametrize(
    ("severity", "raters", "serious"), [("minor", 1, False), ("major", 2, True), ("critical", 3, False)]
)
def test_half_of_the_raters_decide(severity: Severity, raters: int, serious: bool) -> None:
    spans = (ErrorSpan(0, 2, severity=severity, rater="r0"), ErrorSpan(2, 3, severity=severity, rater="r0"))
    names = tuple(f"r{number}" for number in range(raters))
    one = AnnotatedTranslation("a", "d", "s", "en", "de", "yes", "nein", spans=spans, raters=names)
    assert has_serious_error(one) == serious


@pytest.mark.parametrize(("marking", "raters", "free"), [(0, 1, True), (1, 1, False), (1, 2, False), (1, 3, True)])
def test_error_free_is_what_most_raters_left_unmarked(marking: int, raters: int, free: bool) -> None:
    spans = tuple(ErrorSpan(0, 2, severity="minor", rater=f"r{number}") for number in range(marking))
    names = tuple(f"r{number}" for number in range(raters))
    one = AnnotatedTranslation("a", "d", "s", "en", "de", "yes", "ja", spans=spans, raters=names)
    assert has_error(one) != free
