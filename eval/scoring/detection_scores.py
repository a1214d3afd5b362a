"""How well a system tells the language of a message."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eval.scoring.direction_scores import length_label
from parley.languages.table import CODES
from parley.languages.words import words_of

WORD_BINS: Final = ((1, 1), (2, 3), (4, 8), (9, None))
SURE: Final = 3  # words; of longer messages the language is to be told surely
ALIKE: Final = (("zh-Hans", "zh-Hant"), ("es", "pt"), ("en", "id"))
Scores = dict[str, Any]
Mask = NDArray[np.bool_]


def score_detection(texts: Sequence[str], truth: Sequence[str], detected: Sequence[str]) -> Scores:
    """How often a system names the source language of a text right.

    Returns:
        `accuracy` and `n` of all, of those `longer` than three words, `by_length` in words, `by_language`, and of the
        two languages that are most `alike`. A word of th, ja and zh is a single character or cluster.
    """
    hits = np.array(truth) == np.array(detected)
    lengths, codes = np.array([_words(text) for text in texts]), np.array(truth)
    parts = {
        "by_length": {length_label(*bounds): _within(lengths, *bounds) for bounds in WORD_BINS},
        "by_language": {code: codes == code for code in sorted({*truth}, key=CODES.index)},
        "alike": {f"{one}/{other}": (codes == one) | (codes == other) for one, other in ALIKE},
    }
    told = {
        name: {label: _accuracy(hits[mask]) for label, mask in masks.items() if mask.any()}
        for name, masks in parts.items()
    }
    longer = lengths > SURE
    return _accuracy(hits) | told | ({"longer": _accuracy(hits[longer])} if longer.any() else {})


def _words(text: str) -> int:
    return sum(any(map(str.isalnum, text[start:end])) for start, end in words_of(text))


def _within(lengths: NDArray[np.int_], low: int, high: int | None) -> Mask:
    return (lengths >= low) & (lengths <= (high or lengths))


def _accuracy(hits: Mask) -> Scores:
    return {"accuracy": float(hits.mean()), "n": len(hits)}
