"""Long messages in parts: nothing is lost, parts fit, and ends of sentences are the first choice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from parley.decoding.parts import Parts, joined_parts, translate_in_parts
from parley.languages.normalisation import normalised_text
from training.tokenizer import TokenizerConfig, train_tokenizer

MOST = 12
LETTERS = st.sampled_from("abcdefg .!?,。，你好สวัสดี🎉\u200b")


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer({"en": ["where is the boss"] * 3}, TokenizerConfig(vocab_size=450))


def size(tokenizer: PreTrainedTokenizerFast, text: str) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


@given(st.lists(st.text(LETTERS, max_size=300), max_size=4))
@settings(max_examples=50, deadline=None)
def test_nothing_is_lost_and_every_part_fits(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> None:
    parts = Parts.of(texts, tokenizer, MOST)
    for owner, text in enumerate(texts):
        mine = [part for part, whose in zip(parts.texts, parts.owners, strict=True) if whose == owner]
        assert "".join(mine).replace(" ", "") == normalised_text(text).replace(" ", "")
        assert all(size(tokenizer, part) <= MOST for part in mine)


def test_sentences_stay_whole(tokenizer: PreTrainedTokenizerFast) -> None:
    sentences = ["where is the boss?", "the boss is there!", "is where the boss."]
    assert Parts.of([" ".join(sentences)], tokenizer, size(tokenizer, sentences[1])).texts == sentences


def test_parts_are_a_few_sentences_each(tokenizer: PreTrainedTokenizerFast) -> None:
    sentence = "where is the boss? "
    length = size(tokenizer, sentence)
    assert Parts.of([sentence * 4], tokenizer, 4 * length).texts == [(sentence * 4).strip()]
    assert Parts.of([sentence * 8], tokenizer, 4 * length).texts == [sentence.strip()] * 8
    long = "where is the boss, " * 3 + "there. "  # one sentence, over a quarter
    assert Parts.of([long * 2], tokenizer, size(tokenizer, long)).texts == [long.strip()] * 2


def test_a_giant_is_cut_at_once(tokenizer: PreTrainedTokenizerFast) -> None:
    parts = Parts.of(["the boss " * 20_000], tokenizer, 100)
    assert " ".join(parts.texts) == ("the boss " * 20_000).strip()


def test_parts_are_joined_as_the_target_does_it() -> None:
    pieces, owners = ["a.", "b.", "你好。", "再见。", "한.", "글", "นี้", "นั้น"], [0, 0, 1, 1, 2, 2, 4, 4]
    found = joined_parts(pieces, owners, ["en", "zh-Hans", "ko", "en", "th"])
    assert found == ["a. b.", "你好。再见。", "한. 글", "", "นี้ นั้น"]


def test_blank_messages_are_not_translated(tokenizer: PreTrainedTokenizerFast) -> None:
    def translate(texts: list[str], sources: list[str], targets: list[str]) -> list[str]:
        return [f"{source} {text} {target}" for text, source, target in zip(texts, sources, targets, strict=True)]

    texts, sources, targets = ["\u200b", " gg\u00a0", "\u3164 \ufeff"], ["fr", "en", "fr"], ["de", "th", "de"]
    assert translate_in_parts(translate, (texts, sources, targets), tokenizer) == ["", "en gg th", ""]
