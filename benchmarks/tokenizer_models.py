"""The tokenizer's BPE beside a unigram model, on the same sample, words and alphabet: size of the output and seconds.

The unigram model is SentencePiece's, carried over into `tokenizers`, whose own training is slower.

    python benchmarks/tokenizer_models.py corpus=DIR [vocab_size=24000] [sample_rows=100000]
"""

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from parley.config.command_line import run
from parley.corpus.store import Corpus
from training.tokenizer import BYTES, WORD_PATTERN, TokenizerConfig, quotas, train_tokenizer
from training.tokenizer_stage import sampled_texts

_BETWEEN = "\u241f"  # a character no corpus holds, between words
_HELD_OUT = 2_000  # dev texts of each language


@dataclass(frozen=True)
class Arguments:
    """What is compared.

    Attributes:
        corpus: folder of a corpus (a run's `corpus` stage).
        vocab_size: entries of each vocabulary.
        sample_rows: texts learned from.
    """

    corpus: str
    vocab_size: int = 24_000
    sample_rows: int = 100_000


def unigram(texts: Mapping[str, Sequence[str]], config: TokenizerConfig) -> Tokenizer:
    """A unigram model of the same size over the same words."""
    splitter = pre_tokenizers.Split(Regex(WORD_PATTERN), "isolated")
    sample = (text for rows in texts.values() for text in rows)
    words = (_BETWEEN.join(word for word, _ in splitter.pre_tokenize_str(f" {text}")) for text in sample)
    stream = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=words, model_writer=stream, vocab_size=config.vocab_size, model_type="unigram",
        character_coverage=config.character_coverage, byte_fallback=True, normalization_rule_name="identity",
        add_dummy_prefix=False, remove_extra_whitespaces=False, pretokenization_delimiter=_BETWEEN,
        split_by_unicode_script=False, split_by_number=False, split_by_whitespace=False, num_threads=1, minloglevel=2,
        max_sentence_length=10_000, allow_whitespace_only_pieces=True,
    )  # fmt: skip
    learned = sentencepiece.SentencePieceProcessor(model_proto=stream.getvalue())
    reserved = [learned.is_byte(i) or learned.is_control(i) or learned.is_unknown(i) for i in range(len(learned))]
    pieces = [learned.id_to_piece(i).replace("▁", " ") for i in range(len(learned))]
    scores = [-1000.0 if kept else learned.get_score(i) for i, kept in enumerate(reserved)]
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), 0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


def describe(name: str, tokenizer: Tokenizer, seconds: float, texts: Mapping[str, Sequence[str]]) -> None:
    """Print tokens per character of every language, their mean, the share of bytes and the training time."""
    byte_ids = [tokenizer.token_to_id(byte) or 0 for byte in BYTES]
    rates, spelt, total = {}, 0, 0
    for code, rows in texts.items():
        encoded = tokenizer.encode_batch_fast(list(rows), add_special_tokens=False)
        ids = np.concatenate([np.asarray(entry.ids, np.int64) for entry in encoded])
        rates[code] = len(ids) / sum(map(len, rows))
        spelt, total = spelt + int(np.isin(ids, byte_ids).sum()), total + len(ids)
    mean = float(np.mean(list(rates.values())))
    print(f"{name}: {seconds:.1f} s, {mean:.3f} tokens per character, {spelt / total:.2%} bytes")
    print("  " + " ".join(f"{code} {rate:.3f}" for code, rate in rates.items()))


def main(arguments: Arguments) -> None:
    """Train both on one sample and measure both on the dev split."""
    corpus = Corpus.open(Path(arguments.corpus))
    config = TokenizerConfig(arguments.vocab_size)
    cells = {code: corpus.cells(code, "train") for code in corpus.languages}
    train = sampled_texts(corpus, "train", quotas(cells, arguments.sample_rows))
    dev = sampled_texts(corpus, "dev", dict.fromkeys(train, _HELD_OUT))
    started = time.perf_counter()
    bpe = train_tokenizer(train, config).backend_tokenizer
    describe("BPE", bpe, time.perf_counter() - started, dev)
    started = time.perf_counter()
    describe("unigram", unigram(train, config), time.perf_counter() - started, dev)


if __name__ == "__main__":
    run(main, Arguments)
