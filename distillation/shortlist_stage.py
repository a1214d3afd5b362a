"""The stage that counts shortlists in training text.

A script that only one language is written in is allowed whole. Always allowed, whatever was counted: the end, the
language's own tag, byte fallback, and what chat copies from anywhere: single Latin letters, digits, punctuation,
symbols and emoji.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from distillation.shortlists import Shortlists
from parley.languages.scripts import CharacterClass, class_counts, letter_count, own_classes
from parley.languages.table import LANGUAGES
from parley.pipeline.stage import Stage
from training.batches.encoded import EncodedCorpus
from training.tokenizer import BYTES, EOS, SPECIAL_TOKENS, UNKNOWN, check_vocabulary, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    IntArray = np.ndarray[Any, np.dtype[np.int64]]

COVERAGE: Final = 0.9998  # share of a language's training tokens that its shortlist covers
DEV_COVERAGE: Final = 0.999  # and of its dev tokens: filled up with what is frequent in all languages until it does


@dataclass(frozen=True)
class ShortlistsConfig:
    """What is allowed.

    Attributes:
        min_count: a piece seen this often in a language is on its shortlist whatever the coverage.
    """

    min_count: int = 2


class ShortlistsStage(Stage[ShortlistsConfig]):
    """Counts the train split of `encoded`, with `tokenizer`; fills up by dev, measures coverage on test."""

    name = "shortlists"
    version: ClassVar[int] = 1

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write `shortlists.json`; facts: `sizes` and `coverage` by language.

        Raises:
            InputError: another vocabulary.
        """
        encoded = EncodedCorpus.open(inputs["encoded"])
        check_vocabulary(inputs["tokenizer"], encoded.vocabulary_digest)
        shortlists = build_shortlists(encoded, load_tokenizer(inputs["tokenizer"]), self.config.min_count)
        out.mkdir(parents=True, exist_ok=True)
        shortlists.save(out)
        sizes = {code: len(ids) for code, ids in shortlists.pieces.items()}
        return {"sizes": sizes, "coverage": dict(shortlists.coverage), "vocab_size": shortlists.vocab_size}


def build_shortlists(encoded: EncodedCorpus, tokenizer: "PreTrainedTokenizerBase", min_count: int) -> Shortlists:
    """Shortlists of all languages of a corpus."""
    always = copyable(tokenizer)
    counts_of = {code: count_pieces(encoded, code, "train") for code in encoded.languages}
    everywhere = sum(counts_of.values(), np.zeros(encoded.vocab_size, np.int64))
    pieces, coverage = {}, {}
    for code, counts in counts_of.items():
        tag = tokenizer.convert_tokens_to_ids(LANGUAGES[code].token)
        own = of_letters(tokenizer, own_classes(code))
        allowed = np.unique(np.concatenate([always, own, [tag], frequent(counts, min_count)]))
        allowed = filled_up(allowed, everywhere, count_pieces(encoded, code, "dev"))
        held_out = count_pieces(encoded, code, "test")
        pieces[code] = allowed.tolist()
        coverage[code] = round(float(held_out[allowed].sum() / max(1, held_out.sum())), 6)
    return Shortlists(encoded.vocab_size, encoded.vocabulary_digest, pieces, coverage)


def count_pieces(encoded: EncodedCorpus, code: str, split: str) -> "IntArray":
    """How often each piece occurs in a language's cells of a split: (V,)."""
    tokens, offsets = encoded.column(code)
    wanted = encoded.fact("split").to_numpy().astype(str) == split
    return np.bincount(tokens[np.repeat(wanted, np.diff(offsets))], minlength=encoded.vocab_size)


def frequent(counts: "IntArray", min_count: int, coverage: float = COVERAGE) -> "IntArray":
    """Ids seen `min_count` times, and as many more, most frequent first, as `coverage` needs."""
    order = np.argsort(-counts, kind="stable")
    seen = int((counts > 0).sum())
    reached = np.searchsorted(counts[order].cumsum(), coverage * counts.sum()) + 1
    return order[: min(seen, max(int(reached), int((counts >= min_count).sum())))]


def filled_up(
    allowed: "IntArray", everywhere: "IntArray", dev: "IntArray", coverage: float = DEV_COVERAGE
) -> "IntArray":
    """A shortlist (sorted ids) with as many of the pieces most frequent anywhere as cover a share of dev tokens.

    Args:
        everywhere: counts over all languages' training text (V,); pieces that never occur are not taken.
        dev: counts in this language's dev text (V,).
    """
    missing = coverage * dev.sum() - dev[allowed].sum()
    if missing <= 0:
        return allowed
    others = np.setdiff1d(everywhere.nonzero()[0], allowed)
    others = others[np.argsort(-everywhere[others], kind="stable")]
    needed = int(np.searchsorted(dev[others].cumsum(), missing)) + 1
    return np.union1d(allowed, others[:needed])


def copyable(tokenizer: "PreTrainedTokenizerBase") -> "IntArray":
    """Ids that every language may write: end, unknown, bytes, and pieces of one Latin letter or without letters."""
    vocabulary = tokenizer.get_vocab()
    fixed = {EOS, UNKNOWN, *BYTES}
    special = set(SPECIAL_TOKENS)
    found = [
        id for piece, id in vocabulary.items() if piece in fixed or (piece not in special and _copyable(piece.strip()))
    ]
    return np.array(sorted(found), np.int64)


def of_letters(tokenizer: "PreTrainedTokenizerBase", classes: Sequence[CharacterClass]) -> "IntArray":
    """Ids of pieces whose letters and marks, one at least, are all of some classes."""
    found = []
    for piece, id in tokenizer.get_vocab().items() if classes else ():
        counts = class_counts(piece)
        own = sum(counts[kind] for kind in classes)
        if own and own == letter_count(counts) + counts[CharacterClass.MARK]:
            found.append(id)
    return np.array(sorted(found), np.int64)


def _copyable(piece: str) -> bool:
    if len(piece) == 1 and piece.isalpha():
        return unicodedata.name(piece, "").startswith("LATIN")
    return not any(character.isalpha() or unicodedata.category(character).startswith("M") for character in piece)
