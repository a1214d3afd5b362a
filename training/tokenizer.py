"""One shared subword vocabulary for teacher, student and QE.

- byte-pair encoding with byte fallback: shorter sequences than a unigram model's, in a quarter of the time
  (docs/tokenizer.md)
- a space is kept as itself, glued to the word that follows; one space goes in front of the text and is taken off again
- pieces never cross a word, so never a space; digits stand alone; runs of Thai, Han and kana are learned as they come
- texts are normalised as corpora are (`parley.languages.normalisation`); a normalised text comes back exactly
- special tokens are never read out of a text: `<s>` typed by a user is four characters, not a token
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from parley.glossary.hints import TERM, TERM_AS, TERM_END
from parley.languages.normalisation import normaliser
from parley.languages.table import AUTO, LANGUAGES
from parley.pipeline.errors import InputError
from parley.pretrained import load_pretrained

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

BOS: Final = "<s>"
PAD: Final = "<pad>"
EOS: Final = "</s>"
UNKNOWN: Final = "<unk>"
AUTO_TOKEN: Final = f"__{AUTO}__"
BACKTRANSLATED: Final = "<bt>"
# Tags of synthetic sources by how good their round trip was, worst first.
QUALITY_BINS: Final[tuple[str, ...]] = ("<bt-low>", "<bt-mid>", "<bt-high>")
_COMMON: Final[tuple[str, ...]] = (BOS, PAD, EOS, UNKNOWN)
# Only ids of `_COMMON` are fixed: which languages a saved vocabulary knows, and where, `language_tags` finds by name.
SPECIAL_TOKENS: Final[tuple[str, ...]] = (
    *_COMMON,
    *(entry.token for entry in LANGUAGES.values()),
    *(AUTO_TOKEN, BACKTRANSLATED, TERM, TERM_AS, TERM_END),
    *QUALITY_BINS,
)
BYTES: Final[tuple[str, ...]] = tuple(f"<0x{byte:02X}>" for byte in range(256))
# A word with the space before it and inner apostrophes | one digit | a run of symbols, emoji with joiners | one space.
WORD_PATTERN: Final = r" ?\p{L}[\p{L}\p{M}]*(?:['’]\p{L}[\p{L}\p{M}]*)*|\p{N}| ?[^\s\p{L}\p{N}]+|\s"
TEMPERATURE: Final = 5.0  # of sampling languages: 1 follows the corpus, large is uniform
_MIN_FREQUENCY: Final = 2  # a pair of pieces seen less often is not merged
_MAX_PIECE_LENGTH: Final = 16  # characters, the space counted
_MINIMUM_VOCABULARY: Final = len(SPECIAL_TOKENS) + len(BYTES) + 100


@dataclass(frozen=True)
class TokenizerConfig:
    """How the vocabulary is made.

    Attributes:
        vocab_size: entries in all: special tokens, 256 bytes and pieces. Fewer come out when the text has no more.
        sample_rows: cells of text sampled over all languages.
        character_coverage: share of the sample's characters that get a piece of their own; the rest is spelt in bytes.
    """

    vocab_size: int = 24_000
    sample_rows: int = 200_000
    character_coverage: float = 0.9995

    def __post_init__(self) -> None:
        if self.vocab_size < _MINIMUM_VOCABULARY:
            raise InputError(f"tokenizer.vocab_size={self.vocab_size}: at least {_MINIMUM_VOCABULARY} are needed")
        if not 0.9 <= self.character_coverage <= 1:
            raise InputError(f"tokenizer.character_coverage={self.character_coverage}: must lie in 0.9 to 1")
        if self.sample_rows < 1:
            raise InputError(f"tokenizer.sample_rows={self.sample_rows}: must be 1 or more")


def quotas(cells: Mapping[str, int], sample_rows: int, temperature: float = TEMPERATURE) -> dict[str, int]:
    """How many of each language's cells to learn from: shares ~ cells^(1/temperature), about `sample_rows` in all.

    Raises:
        InputError: no text at all.
    """
    counts = {code: count for code, count in cells.items() if count}
    if not counts:
        raise InputError("tokenizer: the corpus has no text in its train split")
    shares = {code: count ** (1 / temperature) for code, count in counts.items()}
    total = sum(shares.values())
    return {code: min(count, math.ceil(sample_rows * shares[code] / total)) for code, count in counts.items()}


def covering_alphabet(texts: Iterable[str], coverage: float, limit: int) -> list[str]:
    """Printable ASCII, then the most frequent characters until `coverage` of the texts is reached, at most `limit`."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    alphabet = [chr(code) for code in range(32, 127)]
    total, covered = counts.total(), sum(counts.pop(character, 0) for character in alphabet)
    for character, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if covered >= coverage * total or len(alphabet) >= limit:
            break
        alphabet.append(character)
        covered += count
    return alphabet


def train_tokenizer(texts: Mapping[str, Sequence[str]], config: TokenizerConfig) -> "PreTrainedTokenizerFast":
    """Learn the shared vocabulary from the texts of each language; the same texts and config give the same bytes."""
    from tokenizers import Tokenizer, models, trainers

    sample = [text for rows in texts.values() for text in rows]
    reserved = [*SPECIAL_TOKENS, *BYTES]
    room = config.vocab_size - len(reserved)
    alphabet = covering_alphabet(sample, config.character_coverage, room)
    learner = Tokenizer(models.BPE())
    _attach_word_splitter(learner)
    trainer = trainers.BpeTrainer(
        vocab_size=room,
        min_frequency=_MIN_FREQUENCY,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        max_token_length=_MAX_PIECE_LENGTH,
        show_progress=False,
    )
    learner.train_from_iterator(sample, trainer, length=len(sample))
    return _wrap(_with_reserved(learner, reserved))


def _attach_word_splitter(tokenizer: "Tokenizer") -> None:
    from tokenizers import Regex, normalizers, pre_tokenizers

    tokenizer.normalizer = normalizers.Sequence([normaliser(), normalizers.Prepend(" ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD_PATTERN), "isolated")


def _with_reserved(learner: "Tokenizer", reserved: Sequence[str]) -> "Tokenizer":
    """The learned pieces behind the reserved entries; these have no merges, so no text can be cut into one of them."""
    from tokenizers import Tokenizer, decoders, models

    learned = json.loads(learner.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    vocabulary = {token: index for index, token in enumerate([*reserved, *pieces])}
    merges = [(left, right) for left, right in learned["merges"]]
    model = models.BPE(vocab=vocabulary, merges=merges, unk_token=UNKNOWN, byte_fallback=True)
    tokenizer = Tokenizer(model)
    _attach_word_splitter(tokenizer)
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


def _wrap(tokenizer: "Tokenizer") -> "PreTrainedTokenizerFast":
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        additional_special_tokens=list(SPECIAL_TOKENS[len(_COMMON) :]),
        padding_side="right",
        clean_up_tokenization_spaces=False,
        split_special_tokens=True,
        model_max_length=1_000_000,
        model_input_names=["input_ids", "attention_mask"],
    )


def load_tokenizer(directory: str | Path) -> "PreTrainedTokenizerFast":
    """Load a saved tokenizer.

    Raises:
        InputError: no tokenizer there, or one without this project's special tokens.
    """
    from transformers import PreTrainedTokenizerFast

    directory = Path(directory)
    if not (directory / "tokenizer.json").is_file():
        raise InputError(f"{directory}: no tokenizer.json there")
    tokenizer: PreTrainedTokenizerFast = load_pretrained(PreTrainedTokenizerFast, directory, "tokenizer")
    first = tokenizer.convert_ids_to_tokens(list(range(len(_COMMON))))
    if first != list(_COMMON) or AUTO_TOKEN not in tokenizer.get_vocab():
        raise InputError(f"{directory}: a tokenizer of another project: it has not our special tokens")
    return tokenizer


def splitter_of_tidy(tokenizer: "PreTrainedTokenizerFast") -> "Tokenizer":
    """Cuts texts that are normalised already into the same ids, in half the time."""
    from tokenizers import Tokenizer, normalizers

    splitter = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    splitter.normalizer = normalizers.Prepend(" ")
    return splitter


def language_tags(vocabulary: Mapping[str, int]) -> dict[str, int]:
    """Ids of the tags of the languages that a vocabulary knows, by code, in the order of the ids."""
    found = {code: vocabulary[entry.token] for code, entry in LANGUAGES.items() if entry.token in vocabulary}
    return dict(sorted(found.items(), key=lambda entry: entry[1]))


def tag_ids(tokenizer: "PreTrainedTokenizerBase", tags: Sequence[str]) -> list[int]:
    """Ids of special tokens such as `<bt>`.

    Raises:
        InputError: a vocabulary of the time before one of them.
    """
    known = tokenizer.get_vocab()
    for tag in tags:
        if tag not in known:
            raise InputError(
                f"the vocabulary has no '{tag}': it is of an older version; make a new tokenizer and teacher"
            )
    return [known[tag] for tag in tags]


def vocabulary_digest(tokenizer: "PreTrainedTokenizerFast") -> str:
    """A short digest of every entry and its id: equal digests mean exchangeable token ids."""
    entries = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return hashlib.sha256(json.dumps(entries, ensure_ascii=False).encode()).hexdigest()[:16]


def check_vocabulary(directory: str | Path, digest: str) -> None:
    """Hold the tokenizer saved in a folder against the digest that ids were made with.

    Raises:
        InputError: another vocabulary, or no tokenizer.
    """
    found = vocabulary_digest(load_tokenizer(directory))
    if found != digest:
        raise InputError(f"{directory}: made with another vocabulary (digest {found}, wanted {digest})")
