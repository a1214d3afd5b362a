"""Scores of a round trip are sacrebleu's; loops, copies and lengths are what a reader would call so."""

import numpy as np
import pytest
from sacrebleu.metrics.chrf import CHRF

from backtranslation.round_trip import copies, languages_ok, length_ratios, repetitions, round_trip_chrf
from parley.languages.identification import LanguageIdentifier


def test_sentence_chrf_is_sacrebleus() -> None:
    originals = ["we need a healer now", "group up", "บอสมาแล้ว", "gg", "see you", "a"]
    returns = ["we need a healer", "regroup!", "บอสมา", "gg", "", "b"]
    metric = CHRF()
    expected = [metric.sentence_score(ours, [theirs]).score for ours, theirs in zip(returns, originals, strict=True)]
    np.testing.assert_allclose(round_trip_chrf(returns, originals), expected, atol=1e-9)
    assert round_trip_chrf(returns, originals)[[3, 4]].tolist() == [100, 0]


@pytest.mark.parametrize(
    ("text", "original", "low", "high"),
    [
        ("on a besoin d'un soigneur maintenant", "we need a healer now", 0, 0.05),
        ("non non non non non non non non non", "no, I do not think so", 0.6, 1),
        ("hahahahahahaha", "jajajajajajaja", 0, 0),  # the original laughs as well
        ("ok", "ok", 0, 0),
        ("", "well", 0, 0),
    ],
)
def test_repetition_counts_beyond_the_original(text: str, original: str, low: float, high: float) -> None:
    assert low <= repetitions([text], [original])[0] <= high


@pytest.mark.parametrize(
    ("text", "original", "letters", "copied"),
    [
        ("We need a healer!", "we need a healer", 8, True),
        ("on a besoin d'un soigneur", "we need a healer", 8, False),
        ("gg wp", "GG WP", 8, False),  # a right translation
        ("gg wp", "GG WP", 3, True),
        ("we need a healer", "we need a healer", 0, False),  # switched off
        ("🔥🔥", "🔥🔥", 1, False),
    ],
)
def test_copies(text: str, original: str, letters: int, copied: bool) -> None:
    assert copies([text], [original], letters) == [copied]


def test_lengths_are_compared_as_expected_of_their_languages() -> None:
    english, chinese = "we need a healer now, push mid " * 3, "我们现在需要一个治疗,推中路" * 3
    good, short, plain = length_ratios(
        [chinese, chinese[:3], "ok"], ["zh-Hans", "zh-Hans", "fr"], [english, english, "fine"], ["en", "en", "en"], 12.0
    )
    assert good < 1.5 < 4 < short
    assert plain < 1.3, "the slack spares short messages"
    assert length_ratios([], [], [], [], 12.0).tolist() == []


def test_languages_of_synthetic_text() -> None:
    texts = ["on a besoin d'un soigneur ici", "we need a healer here right now", "", "gg", "บอสมาแล้ว"]
    found = languages_ok(texts, ["fr"] * 5, ["en"] * 5, LanguageIdentifier())
    assert found == [True, False, False, True, False]
