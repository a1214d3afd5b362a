"""Baselines: defined on empty texts, and the heuristic finds words that translate nothing."""

from dataclasses import replace

import numpy as np
import pytest

from qe_model.annotations.annotation import AnnotatedTranslation, ErrorSpan
from qe_model.evaluation.baselines import alignment, base_rate, baseline_scores

PAIRS = [
    ("das haus", "the house"), ("das buch", "the book"), ("ein buch", "a book"), ("ein haus", "a house"),
    ("das auto", "the car"), ("ein auto", "a car"),
]  # fmt: skip


def translation(source: str, target: str) -> AnnotatedTranslation:
    return AnnotatedTranslation("a", "d", "s", "de", "en", source, target)


def test_model_1_learns_the_words() -> None:
    badness = alignment(PAIRS * 3)(translation("das buch", "the house"))
    assert badness[1] > 2 * badness[0]


def test_copied_unknown_words_are_fine_and_others_are_not() -> None:
    badness = alignment([*PAIRS, ("Zaff", "Zaff")])(translation("das buch Qux", "the qwertz qux"))
    assert badness[1:] == pytest.approx([-np.log(1e-6), 0])


@pytest.mark.parametrize("target", ["", "a", "word " * 1000])
def test_odd_texts_have_scores(target: str) -> None:
    badness = alignment(PAIRS)(translation("", target))
    assert len(badness) == len(target.split())
    assert np.isfinite(badness).all()


def test_a_set_whose_words_are_worse_is_worse_as_a_whole() -> None:
    marked = replace(translation("das buch", "the house"), spans=(ErrorSpan(4, 9, rater="r"),), raters=("r",))
    rows = [replace(marked, style="medical"), replace(marked, style="mqm", spans=())]
    medical, news = map(base_rate(rows), rows)
    assert medical.tolist() == [0.5, 0.5]
    assert news.tolist() == [0.0, 0.0]


def test_thresholds_are_those_of_dev() -> None:
    marked = replace(translation("das buch", "the house"), spans=(ErrorSpan(4, 9, rater="r"),), raters=("r",))
    known = [
        *(replace(translation(*pair), split="train", raters=("r",)) for pair in PAIRS * 3),
        *(replace(marked, split="dev", document=str(number)) for number in range(4)),
    ]
    found = baseline_scores(known, [replace(marked, split="test")], 10)["de-en"]
    assert (found["alignment"]["mcc"]["value"], found["base_rate"]["mcc"]["value"]) == (1.0, 0.0)
