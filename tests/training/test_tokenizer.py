"""Tokenizer: lossless, one vocabulary for all, nothing of ours needed to load it."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from parley.languages.normalisation import normalised_text
from parley.languages.table import CODES, LANGUAGES
from parley.pipeline.errors import InputError
from tests.parley.languages.typed import CLEAN, INVISIBLE, TYPED
from tests.training.chat_corpus import WORDS, chat_message, chat_rows, write_corpus
from training.tokenizer import (
    BYTES,
    SPECIAL_TOKENS,
    TokenizerConfig,
    check_vocabulary,
    covering_alphabet,
    load_tokenizer,
    quotas,
    train_tokenizer,
    vocabulary_digest,
)
from training.tokenizer_stage import TokenizerStage, tokenizer_report

CONFIG = TokenizerConfig(vocab_size=900, sample_rows=2000)
TEXTS = {code: [chat_message(code, number) for number in range(300)] for code in WORDS}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, CONFIG)


def encode(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def decode(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=True)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@example("  two  spaces  each  ")
@example("gg wp 🎉👨‍👩‍👧 ❤️ 🙏🏽")
@example("<s> </s> <unk> __en__ <bt> <term>x<as>y</term> <0x41> ▁x")
@example("สวัสดีครับ ไปกันเลย 123 你好，世界！ ｗｉｄｅ")
@example("don't l’ami N'Golo \u00a0\u3000\t")
def test_every_text_comes_back_exactly_in_its_normal_form(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    ids = encode(tokenizer, text)
    assert decode(tokenizer, ids) == normalised_text(text)
    assert not set(ids) & set(range(len(SPECIAL_TOKENS))), "a text must never hold a special token"


def test_special_tokens_have_the_first_ids(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == list(range(len(SPECIAL_TOKENS)))
    assert SPECIAL_TOKENS[4:21] == (*(LANGUAGES[code].token for code in CODES), "__auto__")
    assert tokenizer.convert_tokens_to_ids(list(BYTES)) == list(range(28, 284))
    assert (tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (
        0,
        1,
        2,
        3,
    )


def test_encoding_adds_no_special_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer("good game")["input_ids"] == encode(tokenizer, "good game")


def test_decoding_skips_tags_and_padding(tokenizer: PreTrainedTokenizerFast) -> None:
    tag = tokenizer.convert_tokens_to_ids("__fr__")
    assert decode(tokenizer, [tag, *encode(tokenizer, "good game"), 2, 1, 1]) == "good game"


@pytest.mark.parametrize("loader", [AutoTokenizer, PreTrainedTokenizerFast])
def test_plain_transformers_loads_it(tokenizer: PreTrainedTokenizerFast, loader: type, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = loader.from_pretrained(str(tmp_path))
    text = "push mid <s> __en__ 🎉 再见 12"
    assert encode(loaded, text) == encode(tokenizer, text)
    assert decode(loaded, encode(loaded, text)) == text
    assert loaded.pad_token_id == 1
    assert "auto_map" not in json.loads((tmp_path / "tokenizer_config.json").read_text())


@pytest.mark.parametrize("loader", [AutoTokenizer, PreTrainedTokenizerFast])
def test_plain_transformers_reads_messages_however_they_were_typed(
    tokenizer: PreTrainedTokenizerFast, loader: type, tmp_path: Path
) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = loader.from_pretrained(str(tmp_path))
    assert loaded(TYPED, add_special_tokens=False)["input_ids"] == loaded(CLEAN, add_special_tokens=False)["input_ids"]
    assert not any(loaded(INVISIBLE, add_special_tokens=False)["input_ids"])


def test_pieces_stay_within_words_and_digits_stand_alone(tokenizer: PreTrainedTokenizerFast) -> None:
    pieces = [piece for piece in tokenizer.get_vocab() if piece not in {*SPECIAL_TOKENS, *BYTES}]
    assert not [piece for piece in pieces if " " in piece[1:]]
    assert not [piece for piece in pieces if len(piece) > 1 and any(character.isdigit() for character in piece)]
    assert tokenizer.convert_ids_to_tokens(encode(tokenizer, "2024"))[-4:] == list("2024")


def test_unspaced_scripts_get_pieces_of_several_characters(tokenizer: PreTrainedTokenizerFast) -> None:
    for code in ("th", "zh-Hans"):
        text = chat_message(code, 7)
        assert len(encode(tokenizer, text)) < len(text)


def test_training_is_deterministic(tokenizer: PreTrainedTokenizerFast) -> None:
    again = train_tokenizer(TEXTS, CONFIG)
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


def test_rare_characters_are_spelt_in_bytes() -> None:
    alphabet = covering_alphabet(["é" * 99 + "ж"], coverage=0.99, limit=1000)
    assert "é" in alphabet
    assert "ж" not in alphabet
    assert set("az09 ~") <= set(alphabet)


def test_temperature_lifts_small_languages() -> None:
    cells = {"en": 10_000, "th": 100, "ja": 0}
    assert quotas(cells, 150, temperature=100.0) == {"en": 77, "th": 74}
    assert quotas(cells, 202, temperature=1.0) == {"en": 200, "th": 2}


def test_report_counts_tokens_per_character_and_word(tokenizer: PreTrainedTokenizerFast) -> None:
    report = tokenizer_report(tokenizer, {"en": ["zz 🎉"], "th": ["บอส"]})
    english = report["languages"]["en"]
    assert english["tokens_per_character"] == len(encode(tokenizer, "zz 🎉")) / 4
    assert english["tokens_per_word"] == len(encode(tokenizer, "zz 🎉")) / 2
    assert english["byte_share"] == round(4 / len(encode(tokenizer, "zz 🎉")), 5)
    assert report["languages"]["th"]["tokens_per_word"] is None


def test_stage_writes_tokenizer_and_report(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", chat_rows())
    facts = TokenizerStage(CONFIG).run(tmp_path / "out", {"corpus": corpus})
    assert set(facts["languages"]) == set(WORDS)
    assert facts == json.loads((tmp_path / "out" / "tokenizer_report.json").read_text())
    loaded = load_tokenizer(tmp_path / "out")
    assert vocabulary_digest(loaded) == facts["digest"]
    assert len(loaded) == facts["vocab_size"] <= CONFIG.vocab_size
    check_vocabulary(tmp_path / "out", facts["digest"])


def test_corpus_without_train_text_is_refused(tmp_path: Path) -> None:
    columns = chat_rows(4)
    columns["split"] = ["dev"] * 4
    corpus = write_corpus(tmp_path / "corpus", columns)
    with pytest.raises(InputError, match="no text in its train split"):
        TokenizerStage(CONFIG).run(tmp_path / "out", {"corpus": corpus})


def test_another_vocabulary_is_refused(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    other = train_tokenizer(TEXTS, TokenizerConfig(vocab_size=700))
    with pytest.raises(InputError, match=f"{tmp_path}: made with another vocabulary"):
        check_vocabulary(tmp_path, vocabulary_digest(other))


def test_missing_broken_and_foreign_tokenizers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match=r"tokenizer\.json: not JSON"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("vocab_size", 100), ("character_coverage", 0.5), ("sample_rows", 0)],
)
def test_bad_values_are_named(key: str, value: float) -> None:
    with pytest.raises(InputError, match=rf"tokenizer\.{key}"):
        TokenizerConfig(**{key: value})
