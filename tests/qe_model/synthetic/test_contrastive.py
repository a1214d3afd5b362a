"""Pairs that only the conversation decides: both forms equally often right, marks where they differ."""

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest

from parley.languages.table import CODES
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.evaluation.context import context_accuracy, without_context, won
from qe_model.synthetic.contrastive import KINDS, contrastive_pairs, is_contrast

PAIRS = contrastive_pairs()


def scored(score: Callable[[AnnotatedTranslation], float]) -> Any:
    """A scorer that says what a function says."""
    return SimpleNamespace(score=lambda rows: [SimpleNamespace(score=score(one)) for one in rows])


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
    assert won(scored(lambda one: blind[one.source, one.target]), PAIRS).mean() == pytest.approx(0.5, abs=0.05)
    assert without_context(PAIRS[0]).right.context == ()


def test_accuracy_counts_pairs_and_ties() -> None:
    half = [half for pair in PAIRS for half in (pair.right, pair.wrong)]
    found = context_accuracy(scored(lambda one: float(bool(one.context) and not one.spans)), half)
    assert found["pairs"] == len(PAIRS)
    assert found["with_context"] == {"value": 1.0, "ci": [1.0, 1.0]}
    assert found["without_context"]["value"] == found["gain"]["value"] == 0.5  # all alike
    assert set(found["by_kind"]) == set(KINDS)
    assert all(map(is_contrast, half))


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
    assert contrastive_pairs(["en", "de"]) == contrastive_pairs(["en", "de"])
    assert contrastive_pairs(["en", "de"], seed=1) != contrastive_pairs(["en", "de"], seed=2)
    ids = [one.id for pair in PAIRS for one in (pair.right, pair.wrong)]
    assert len(set(ids)) == len(ids)
