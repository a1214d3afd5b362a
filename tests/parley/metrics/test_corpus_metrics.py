"""Counts and scores equal sacrebleu's to the last digit; copies, empty and looping outputs are counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from parley.metrics import corpus_metrics as metrics
from parley.metrics.chrf import chrf_score, chrf_scores

TEXT = st.text(alphabet="ab c.,!?(ä你好吗กข้ㅋ가\u3000'", max_size=30)
PAIRS = st.lists(st.tuples(TEXT, TEXT.filter(str.strip)), min_size=1, max_size=8)
TARGETS = ["en", "zh-Hans", "th", "ja", "ko", "ru"]


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.sampled_from(TARGETS))
def test_counts_and_scores_are_sacrebleus(pairs: list[tuple[str, str]], target: str) -> None:
    hypotheses, references = [h for h, _ in pairs], [r for _, r in pairs]
    counts = metrics.statistics(hypotheses, references, target)
    bleu = BLEU(tokenize=metrics.bleu_tokenizer(target))
    assert counts.chrf.tolist() == CHRF(word_order=2)._extract_corpus_statistics(hypotheses, [references])
    assert counts.bleu.tolist() == bleu._extract_corpus_statistics(hypotheses, [references])
    for word_order in (0, 2):
        expected = CHRF(word_order=word_order).corpus_score(hypotheses, [references]).score
        assert chrf_score(counts.chrf.sum(0), word_order) == expected
    assert metrics.bleu_score(counts.bleu.sum(0), target) == bleu.corpus_score(hypotheses, [references]).score


@settings(max_examples=60, deadline=None)
@given(st.lists(PAIRS, min_size=1, max_size=4), st.sampled_from(TARGETS))
def test_many_samples_at_once_agree_with_one(samples: list[list[tuple[str, str]]], target: str) -> None:
    counts = [metrics.statistics([h for h, _ in pairs], [r for _, r in pairs], target) for pairs in samples]
    chrf, bleu = (np.stack([getattr(c, kind).sum(0) for c in counts]) for kind in ("chrf", "bleu"))
    for word_order in (0, 2):
        expected = [chrf_score(row, word_order) for row in chrf]
        np.testing.assert_allclose(chrf_scores(chrf.astype(float), word_order), expected, atol=1e-9)
    expected = [metrics.bleu_score(row, target) for row in bleu]
    np.testing.assert_allclose(metrics.bleu_scores(bleu.astype(float)), expected, atol=1e-9)


def test_more_messages_than_one_sort_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    hypotheses, references = ["one two three", "", "two"], ["one three two", "one", "two"]
    whole = metrics.statistics(hypotheses, references, "en")
    monkeypatch.setattr("parley.metrics.ngrams._CHUNK", 2)
    parts = metrics.statistics(hypotheses, references, "en")
    assert (whole.chrf == parts.chrf).all()
    assert (whole.bleu == parts.bleu).all()


def test_a_sample_without_messages_has_no_score() -> None:
    assert np.isnan(chrf_scores(np.zeros((1, 24)))).all()
    assert np.isnan(metrics.bleu_scores(np.zeros((1, 10)))).all()


def test_no_messages_no_counts() -> None:
    counts = metrics.statistics([], [], "en")
    assert counts.chrf.shape == (0, 24)
    assert counts.bleu.shape == (0, 10)


def test_tokenizer_of_each_language() -> None:
    names = {target: metrics.bleu_tokenizer(target) for target in TARGETS}
    assert names["en"] == names["ru"] == "13a"
    assert names["zh-Hans"] == metrics.bleu_tokenizer("zh-Hant") == "zh"
    assert names["th"] == "char"
    assert names["ja"] in ("ja-mecab", "char")
    assert names["ko"] in ("ko-mecab", "char")


def test_signatures_name_the_tokenizer() -> None:
    found = metrics.signatures(["en", "th"])
    assert "nc:6|nw:0" in found["chrf"]
    assert "nw:2" in found["chrfpp"]
    assert "tok:13a" in found["bleu/en"]
    assert "tok:char" in found["bleu/th"]


def test_word_based_figures_on_unspaced_scripts_say_so() -> None:
    said = " ".join(metrics.notes(["en", "th", "zh-Hans"]))
    assert "th, zh-Hans hardly has" in said
    assert "BLEU of th is over characters" in said
    assert metrics.notes(["en", "ru"]) == []
