"""Decisions of dev data: a direction has one threshold for news and talks; ties and penalties are those of people."""

from dataclasses import replace

import numpy as np
import pytest

from qe_model.annotations.annotation import AnnotatedTranslation, ErrorSpan
from qe_model.scoring.prediction import Probabilities
from qe_model.scoring.tuning import dev_scores, tune

WORDS = 20
TEXT = " ".join(["word"] * WORDS)
PLACES = tuple((5 * i, 5 * i + 4) for i in range(WORDS))


def annotated(style: str, number: int, bad: np.ndarray) -> AnnotatedTranslation:
    spans = tuple(ErrorSpan(*PLACES[i], severity="minor", rater="r") for i in np.flatnonzero(bad))
    return AnnotatedTranslation(
        f"{style}:{number}", "d", "s", "en", "de", TEXT, TEXT, spans=spans, raters=("r",), style=style
    )


def said(bad: np.ndarray) -> Probabilities:
    """Probabilities of bad words, shared equally by the severities; nothing is wrong with gaps and source."""
    target = np.concatenate([1 - bad[:, None], np.repeat(bad[:, None] / 3, 3, 1)], 1)
    fine = np.tile([1.0, 0, 0, 0], (WORDS + 1, 1))
    alike = np.full((WORDS + 1, 3), 1 / 3)
    return Probabilities(PLACES, PLACES, target, fine, fine[:WORDS], alike[:WORDS], alike)


def drawn(
    style: str, count: int, rate: float, told: bool, seed: int
) -> list[tuple[AnnotatedTranslation, Probabilities]]:
    """Translations whose probabilities tell bad words from others, or only how many there are."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        true = generator.beta(rate * 2, (1 - rate) * 2, WORDS)
        bad = generator.random(WORDS) < (true if told else rate)
        found.append((annotated(style, number, bad), said(true if told else np.full(WORDS, rate))))
    return found


def test_styles_of_news_share_a_threshold() -> None:
    rows = [*drawn("panel", 400, 0.1, True, 1), *drawn("mqm", 400, 0.1, False, 2), *drawn("tags", 400, 0.4, True, 3)]
    translations, probabilities = map(list, zip(*rows, strict=True))
    decisions = tune(translations, probabilities)
    graded = {decisions.threshold("target", style, "en-de") for style in ("panel", "mqm", "spans")}
    assert len(graded) == 1
    assert decisions.threshold("target", "tags", "en-de") not in graded
    marked = {}
    for style in ("panel", "mqm"):
        own = [told for one, told in rows if one.style == style]
        marked[style] = np.mean([1 - p.target[:, 0] >= decisions.threshold("target", style, "en-de") for p in own])
    assert marked["panel"] > 0.03
    assert marked["mqm"] < 0.01


def test_directions_with_few_bad_words_follow_the_others() -> None:
    rows = [*drawn("mqm", 100, 0.3, True, 4)]
    translations, probabilities = map(list, zip(*rows, strict=True))
    decisions = tune(translations, probabilities)
    assert decisions.threshold("target", "mqm", "en-fr") == decisions.threshold("target", "mqm", "en-de")
    few = tune(translations[:5], probabilities[:5])
    assert "mqm/en-de" not in few.thresholds["target"]
    assert 0 < dev_scores(translations, probabilities)["dev/mcc"] < 1


def test_penalties_that_people_call_equal_are_ties() -> None:
    generator = np.random.default_rng(5)
    rows = []
    for number in range(300):  # every source has two translations: the same errors, or one with two more
        words = np.zeros((2, WORDS), bool)
        words[:, 0] = True
        words[1, 1:3] = number % 3 == 0
        for bad in words:
            noise = generator.uniform(0, 0.1, WORDS)
            rows.append((replace(annotated("mqm", number, bad), source=f"{number}"), said(0.85 * bad + noise + 0.01)))
    translations, probabilities = map(list, zip(*rows, strict=True))
    tie = tune(translations, probabilities).tie("mqm", "en-de")
    assert 0 < tie < 1.9


def test_penalties_are_what_the_people_of_a_style_and_direction_give() -> None:
    generator = np.random.default_rng(6)
    rows = []
    for style, severity, points in (("mqm", "minor", 1), ("panel", "major", 5)):
        for number in range(300):
            bad = generator.random(WORDS) < 0.2
            one = annotated(style, number, bad)
            spans = tuple(replace(span, severity=severity) for span in one.spans)
            rows.append((replace(one, spans=spans), said(0.8 * bad + 0.1), style, points * int(bad.sum())))
    decisions = tune([one for one, *_ in rows], [told for _, told, *_ in rows])
    for style in ("mqm", "panel"):
        own = [(told, points) for _, told, name, points in rows if name == style]
        raw = [decisions.raw_penalty(told.target, told.gaps) for told, _ in own]
        given = [decisions.penalty(points, style, "en-de") for points in raw]
        assert np.mean(given) == pytest.approx(np.mean([points for _, points in own]), rel=0.1)
