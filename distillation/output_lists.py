"""Output lists: the part of the vocabulary that a target language is written in, counted in its training text.

Most of the work of decoding one token is the product with all V rows of the output layer. A language uses a fraction of
them. A script that only one language is written in is allowed whole. Always allowed, whatever was counted: the end, the
language's own tag, byte fallback, and what chat copies from anywhere: single Latin letters, digits, punctuation,
symbols and emoji.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from distillation.config import OutputListsConfig
from parley.languages.table import LANGUAGES, language
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.stage import Stage
from training.batches.encoded import EncodedCorpus
from training.tokenizer import BYTES, EOS, SPECIAL_TOKENS, UNKNOWN, check_vocabulary, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    IntArray = np.ndarray[Any, np.dtype[np.int64]]

FILE: Final = "output_lists.json"
UNIONS_KEPT: Final = 16  # combinations of languages whose common list is held ready
# Scripts of one language here: all its pieces are on the list, however little text was counted. As Unicode names them.
OWN_SCRIPTS: Final = {"th": ("THAI",), "ko": ("HANGUL",), "ru": ("CYRILLIC",), "ja": ("HIRAGANA", "KATAKANA")}


@dataclass(frozen=True)
class OutputLists:
    """Allowed pieces of each target language.

    Attributes:
        vocab_size, vocabulary_digest: of the vocabulary that the ids are of.
        pieces: sorted ids by language, tag included.
        coverage: share of each language's reference tokens of the test split that its list holds.
    """

    vocab_size: int
    vocabulary_digest: str
    pieces: Mapping[str, Sequence[int]]
    coverage: Mapping[str, float]
    _arrays: "dict[str, IntArray]" = field(default_factory=dict, init=False, repr=False, compare=False)
    _unions: "dict[tuple[str, ...], tuple[IntArray, list[IntArray]]]" = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def load(cls, folder: Path) -> "OutputLists":
        """Read what `save` wrote.

        Raises:
            InputError: no lists there.
        """
        try:
            return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{folder}: no output lists ({FILE})") from error

    def save(self, folder: Path) -> None:
        """Write the lists into a folder."""
        facts = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        write_json(folder / FILE, {**facts, "pieces": {code: list(ids) for code, ids in self.pieces.items()}})

    def own(self, code: str) -> "IntArray":
        """Ids of one language, sorted: the same array at every call, so that engines know their output layers by it.

        Raises:
            InputError: a language without a list.
        """
        if code not in self._arrays:
            self._arrays[code] = self.of([code])
        return self._arrays[code]

    def union(self, codes: tuple[str, ...]) -> "tuple[IntArray, list[IntArray]]":
        """Ids of several languages, sorted, and where each language's own stand among them; the same arrays at every
        call, for the combinations asked for most recently.

        Raises:
            InputError: a language without a list.
        """
        if codes not in self._unions:
            ids = self.of(codes)
            self._unions[codes] = ids, [np.searchsorted(ids, self.own(code)) for code in codes]
            if len(self._unions) > UNIONS_KEPT:
                del self._unions[next(iter(self._unions))]
        self._unions[codes] = self._unions.pop(codes)
        return self._unions[codes]

    def of(self, codes: Iterable[str]) -> "IntArray":
        """Ids allowed in any of some languages, sorted: one list for one request into several languages.

        Raises:
            InputError: a language without a list.
        """
        parts = []
        for code in dict.fromkeys(codes):
            if language(code).code not in self.pieces:
                raise InputError(f"no output list for '{code}'; there are lists for {' '.join(self.pieces)}")
            parts.append(np.asarray(self.pieces[code], np.int64))
        return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int64)


class OutputListsStage(Stage[OutputListsConfig]):
    """Counts the train split of `encoded`, with `tokenizer`; fills up by dev, measures coverage on test."""

    name = "output_lists"
    version: ClassVar[int] = 2  # filled up

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write `output_lists.json`; facts: `sizes` and `coverage` by language.

        Raises:
            InputError: another vocabulary, or held-out coverage below `check_coverage`.
        """
        encoded = EncodedCorpus.open(inputs["encoded"])
        check_vocabulary(inputs["tokenizer"], encoded.vocabulary_digest)
        lists = build_lists(encoded, load_tokenizer(inputs["tokenizer"]), self.config)
        low = {code: share for code, share in lists.coverage.items() if share < self.config.check_coverage}
        if low:
            raise InputError(
                f"output lists cover too little of held-out text: {low}; raise distillation.lists.coverage"
            )
        out.mkdir(parents=True, exist_ok=True)
        lists.save(out)
        sizes = {code: len(ids) for code, ids in lists.pieces.items()}
        return {"sizes": sizes, "coverage": dict(lists.coverage), "vocab_size": lists.vocab_size}


def build_lists(encoded: EncodedCorpus, tokenizer: "PreTrainedTokenizerBase", config: OutputListsConfig) -> OutputLists:
    """Lists of all languages of a corpus."""
    always = copyable(tokenizer)
    counts_of = {code: count_pieces(encoded, code, "train") for code in encoded.languages}
    everywhere = sum(counts_of.values(), np.zeros(encoded.vocab_size, np.int64))
    pieces, coverage = {}, {}
    for code, counts in counts_of.items():
        tag = tokenizer.convert_tokens_to_ids(LANGUAGES[code].token)
        own = of_script(tokenizer, OWN_SCRIPTS.get(code, ()))
        allowed = np.unique(np.concatenate([always, own, [tag], frequent(counts, config)]))
        allowed = filled_up(allowed, everywhere, count_pieces(encoded, code, "dev"), config.dev_coverage)
        held_out = count_pieces(encoded, code, "test")
        pieces[code] = allowed.tolist()
        coverage[code] = round(float(held_out[allowed].sum() / max(1, held_out.sum())), 6)
    return OutputLists(encoded.vocab_size, encoded.vocabulary_digest, pieces, coverage)


def count_pieces(encoded: EncodedCorpus, code: str, split: str) -> "IntArray":
    """How often each piece occurs in a language's cells of a split: (V,)."""
    tokens, offsets = encoded.column(code)
    wanted = encoded.table["split"].combine_chunks().to_numpy(zero_copy_only=False).astype(str) == split
    return np.bincount(tokens[np.repeat(wanted, np.diff(offsets))], minlength=encoded.vocab_size)


def frequent(counts: "IntArray", config: OutputListsConfig) -> "IntArray":
    """Ids seen `min_count` times, and as many more, most frequent first, as `coverage` needs; `max_pieces` at most."""
    order = np.argsort(-counts, kind="stable")
    seen = int((counts > 0).sum())
    reached = np.searchsorted(counts[order].cumsum(), config.coverage * counts.sum()) + 1
    wanted = min(seen, max(int(reached), int((counts >= config.min_count).sum())))
    return order[: min(wanted, config.max_pieces) if config.max_pieces else wanted]


def filled_up(allowed: "IntArray", everywhere: "IntArray", dev: "IntArray", coverage: float) -> "IntArray":
    """A list (sorted ids) with as many of the pieces most frequent in all languages as cover a share of dev tokens.

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


def of_script(tokenizer: "PreTrainedTokenizerBase", scripts: tuple[str, ...]) -> "IntArray":
    """Ids of pieces whose letters and marks are all of some scripts."""
    found = []
    for piece, id in tokenizer.get_vocab().items() if scripts else ():
        letters = [character for character in piece if unicodedata.category(character)[0] in "LM"]
        if letters and all(unicodedata.name(character, "").startswith(scripts) for character in letters):
            found.append(id)
    return np.array(sorted(found), np.int64)


def _copyable(piece: str) -> bool:
    if len(piece) == 1 and piece.isalpha():
        return unicodedata.name(piece, "").startswith("LATIN")
    return not any(character.isalpha() or unicodedata.category(character).startswith("M") for character in piece)
