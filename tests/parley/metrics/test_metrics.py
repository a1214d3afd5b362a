"""Counts and scores equal sacrebleu's to the last digit; means of messages are a metric like any other."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from parley.metrics.bleu import bleu_tokenizer
from parley.metrics.metric import MeanMetric, Translations, mean_scores, mean_statistics
from parley.metrics.registry import METRICS, metric
from parley.metrics.significance import Bootstrap, interval
from parley.pipeline.errors import InputError
from tests.registries import may_change

TEXT = st.text(alphabet="ab c.,!?(ä你好吗กข้ㅋ가\u3000'", max_size=30)
PAIRS = st.lists(st.tuples(TEXT, TEXT.filter(str.strip)), min_size=1, max_size=8)
TARGETS = ["en", "zh-Hans", "th", "ja", "ko", "ru"]


NAMES = ["chrf", "chrfpp", "bleu"]


def texts(pairs: Sequence[tuple[str, str]], target: str) -> Translations:
    """(hypothesis, reference) as translations into a language."""
    source = "fr" if target == "en" else "en"
    return Translations(f"{source}-{target}", [""] * len(pairs), [r for _, r in pairs], [h for h, _ in pairs])


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.sampled_from(TARGETS))
def test_counts_and_scores_are_sacrebleus(pairs: list[tuple[str, str]], target: str) -> None:
    given, references = texts(pairs, target), [[r for _, r in pairs]]
    theirs = {"chrf": CHRF(), "chrfpp": CHRF(word_order=2), "bleu": BLEU(tokenize=bleu_tokenizer(target))}
    for name in NAMES:
        mine = METRICS[name].statistics(given)[:, : METRICS[name].width]
        assert mine.tolist() == theirs[name]._extract_corpus_statistics(given.hypotheses, references)
        assert METRICS[name].of(given) == theirs[name].corpus_score(given.hypotheses, references).score


@settings(max_examples=60, deadline=None)
@given(st.lists(PAIRS, min_size=1, max_size=4), st.sampled_from(TARGETS), st.sampled_from(NAMES))
def test_many_samples_at_once_agree_with_one(samples: list[list[tuple[str, str]]], target: str, name: str) -> None:
    sums = np.stack([METRICS[name].statistics(texts(pairs, target)).sum(0) for pairs in samples])
    expected = [METRICS[name].score(row, target) for row in sums]
    np.testing.assert_allclose(METRICS[name].scores(sums.astype(float)), expected, atol=1e-9)


def test_more_messages_than_one_sort_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    given = texts([("one two three", "one three two"), ("", "one"), ("two", "two")], "en")
    whole = [METRICS[name].statistics(given) for name in NAMES]
    monkeypatch.setattr("parley.metrics.ngrams._CHUNK", 2)
    for name, counts in zip(NAMES, whole, strict=True):
        assert (METRICS[name].statistics(given) == counts).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_without_messages_has_no_score(name: str) -> None:
    assert np.isnan(METRICS[name].scores(np.zeros((1, METRICS[name].width)))).all()
    assert METRICS[name].statistics(texts([], "en")).shape[0] == 0
    with pytest.raises(ValueError, match="at least one message"):
        METRICS[name].of(texts([], "en"))


def test_a_mean_is_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    may_change(METRICS, monkeypatch)

    @metric
    class Length(MeanMetric):
        name, label = "length", "Length"

        def values(self, texts: Translations) -> list[float]:
            return [float(len(text)) for text in texts.hypotheses]

    assert METRICS["length"].of(texts([("ab", "a"), ("abc", "b")], "en")) == 2.5
    assert METRICS["length"].column == "length_counts"
    with pytest.raises(InputError, match="unknown metric 'lenght'; choose length"):
        METRICS["lenght"]


def test_sampled_means_are_means_of_resampled_messages() -> None:
    values = np.random.default_rng(0).normal(-3.0, 2.0, 200)
    found = mean_scores(Bootstrap(200, 500).sums(mean_statistics(values), range(200)))
    assert found.mean() == pytest.approx(values.mean(), abs=0.05)
    assert found.std() == pytest.approx(values.std() / np.sqrt(200), rel=0.15)
    low, high = interval(found)
    assert low < values.mean() < high


def test_values_that_cannot_be_kept_are_refused() -> None:
    for value in (1e9, float("nan")):
        with pytest.raises(ValueError, match="between -2000 and 2000"):
            mean_statistics([value])


def test_tokenizer_of_each_language() -> None:
    names = {target: bleu_tokenizer(target) for target in TARGETS}
    assert names["en"] == names["ru"] == "13a"
    assert names["zh-Hans"] == bleu_tokenizer("zh-Hant") == "zh"
    assert names["th"] == "char"
    assert names["ja"] in ("ja-mecab", "char")
    assert names["ko"] in ("ko-mecab", "char")


def test_signatures_name_the_tokenizer() -> None:
    found = {key: value for name in NAMES for key, value in METRICS[name].signatures(["en", "th"]).items()}
    assert "nc:6|nw:0" in found["chrf"]
    assert "nw:2" in found["chrfpp"]
    assert "tok:13a" in found["bleu/en"]
    assert "tok:char" in found["bleu/th"]


def test_word_based_figures_on_unspaced_scripts_say_so() -> None:
    said = {name: " ".join(METRICS[name].notes(["en", "th", "zh-Hans"])) for name in NAMES}
    assert said["chrf"] == ""
    assert "th, zh-Hans hardly has" in said["chrfpp"]
    assert "BLEU of th is over characters" in said["bleu"]
    assert [METRICS[name].notes(["en", "ru"]) for name in NAMES] == [[], [], []]
