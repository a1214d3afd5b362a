"""Baselines: defined on empty texts, and the heuristic finds words that translate nothing."""

from dataclasses import replace

import numpy as np
import pytest

from qe_model.annotations.annotation import AnnotatedTranslation, ErrorSpan
from qe_model.evaluation.baselines import AlignmentHeuristic, AllOk, BaseRate, MinusLength

PAIRS = [
    ("das haus", "the house"), ("das buch", "the book"), ("ein buch", "a book"), ("ein haus", "a house"),
    ("das auto", "the car"), ("ein auto", "a car"),
]  # fmt: skip


def translation(source: str, target: str) -> AnnotatedTranslation:
    return AnnotatedTranslation("a", "d", "s", "de", "en", source, target)


def test_model_1_learns_the_words() -> None:
    heuristic = AlignmentHeuristic.fit(PAIRS * 3)
    (score,) = heuristic.score([translation("das buch", "the house")])
    assert score.words[1] > 2 * score.words[0]
    good, bad = heuristic.score([translation("das buch", "the book"), translation("das buch", "a house")])
    assert good.sentence > bad.sentence


def test_copied_unknown_words_are_fine_and_others_are_not() -> None:
    heuristic = AlignmentHeuristic.fit([*PAIRS, ("Zaff", "Zaff")])
    (score,) = heuristic.score([translation("das buch", "the qwertz")])
    assert score.words[1] == pytest.approx(-np.log(1e-6))


@pytest.mark.parametrize("target", ["", "a", "word " * 1000])
def test_odd_texts_have_scores(target: str) -> None:
    for baseline in (AllOk(), MinusLength(), AlignmentHeuristic.fit(PAIRS)):
        (score,) = baseline.score([translation("", target)])
        assert len(score.words) == len(target.split())
        assert np.isfinite(score.sentence)


def test_a_set_whose_words_are_worse_is_worse_as_a_whole() -> None:
    marked = replace(translation("das buch", "the house"), spans=(ErrorSpan(4, 9, rater="r"),), raters=("r",))
    rows = [replace(marked, style="medical"), replace(marked, style="mqm", spans=())]
    medical, news = BaseRate.fit(rows).score(rows)
    assert medical.words.tolist() == [0.5, 0.5]
    assert news.words.tolist() == [0.0, 0.0]
