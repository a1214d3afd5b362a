"""Pairs that only the conversation decides: both forms equally often right, marks where they differ."""

from collections import Counter
from zlib import crc32

import numpy as np
import pytest

from parley.languages.table import CODES
from qe_model.synthetic.contrastive import (
    KINDS,
    contrastive_accuracy,
    contrastive_gain,
    contrastive_pairs,
    is_contrast,
    without_context,
)

PAIRS = contrastive_pairs()


def test_every_language_has_pairs() -> None:
    assert {pair.right.target_lang for pair in PAIRS} == set(CODES)
    assert {pair.kind for pair in PAIRS} == set(KINDS)
    languages = {kind: {pair.right.target_lang for pair in PAIRS if pair.kind == kind} for kind in KINDS}
    assert languages["formality"] == set(CODES) - {"en"}
    assert languages["gender"] == {"en", "es", "fr", "de", "it", "pt", "pl", "ru", "vi", "th"}
    assert languages["terms"] == set(CODES)


def test_pairs_differ_in_the_marked_words_only() -> None:
    for pair in PAIRS:
        assert pair.right.source == pair.wrong.source
        assert pair.right.context == pair.wrong.context != ()
        assert pair.right.target != pair.wrong.target
        assert not pair.right.spans
        assert pair.wrong.spans
        assert {span.dimension for span in pair.wrong.spans} == {"consistency"}


def test_without_context_nothing_decides() -> None:
    """Each form is as often right as wrong, so a scorer that does not read the context is right half of the time."""
    right = Counter((pair.right.source, pair.right.target) for pair in PAIRS)
    wrong = Counter((pair.wrong.source, pair.wrong.target) for pair in PAIRS)
    blind = {text: crc32("|".join(text).encode()) for text in {*right, *wrong}}
    scores = [
        np.array([blind[one.source, one.target] for one in side], float)
        for side in ([pair.right for pair in PAIRS], [pair.wrong for pair in PAIRS])
    ]
    assert contrastive_accuracy(PAIRS, *scores).value == pytest.approx(0.5, abs=0.05)
    assert without_context(PAIRS[0]).right.context == ()


def test_the_gain_is_the_difference_of_two_scorings_pair_by_pair() -> None:
    ones, zeros = np.ones(len(PAIRS)), np.zeros(len(PAIRS))
    all_right, all_tied = (ones, zeros), (ones, ones)
    assert contrastive_gain(PAIRS, all_right, all_tied).to_json() == {"value": 0.5, "ci": [0.5, 0.5]}
    assert contrastive_gain(PAIRS, all_tied, all_right).value == -0.5
    assert all(is_contrast(half) for pair in PAIRS[:9] for half in (pair.right, pair.wrong))


def test_conversation_holds_the_form_that_fits() -> None:
    for pair in (pair for pair in PAIRS if pair.kind == "terms"):
        assert pair.right.target not in {message.translation for message in pair.right.context}
    formal = [pair for pair in PAIRS if pair.kind == "formality" and pair.right.target_lang == "zh-Hans"]
    assert all(
        ("您" in pair.right.target) == all("您" in str(m.translation) for m in pair.right.context) for pair in formal
    )


def test_splits_and_seeds() -> None:
    splits = Counter(pair.right.split for pair in PAIRS)
    assert splits["train"] > splits["test"] > splits["dev"] > 0
    assert contrastive_pairs(["de"]) == contrastive_pairs(["de"])
    assert contrastive_pairs(["de"], seed=1) != contrastive_pairs(["de"], seed=2)
    ids = [one.id for pair in PAIRS for one in (pair.right, pair.wrong)]
    assert len(set(ids)) == len(ids)
