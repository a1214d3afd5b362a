"""One shared subword vocabulary for teacher, student and QE.

- byte-pair encoding with byte fallback: shorter sequences than a unigram model's, in a quarter of the time
  (docs/tokenizer.md)
- a space is kept as itself, glued to the word that follows; one space goes in front of the text and is taken off again
- pieces never cross a word, so never a space; digits stand alone; runs of Thai, Han and kana are learned as they come
- nothing is normalised, so every text comes back exactly
- special tokens are never read out of a text: `<s>` typed by a user is four characters, not a token
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import pyarrow as pa

from parley.languages.table import AUTO, LANGUAGES
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

Texts: TypeAlias = Sequence[str] | pa.Array | pa.ChunkedArray
BOS: Final = "<s>"
PAD: Final = "<pad>"
EOS: Final = "</s>"
UNKNOWN: Final = "<unk>"
AUTO_TOKEN: Final = f"__{AUTO}__"
BACKTRANSLATED: Final = "<bt>"
TERM: Final = "<term>"
TERM_AS: Final = "<as>"
TERM_END: Final = "</term>"
# Tags of synthetic sources by how good their round trip was, worst first.
QUALITY_BINS: Final[tuple[str, ...]] = ("<bt-low>", "<bt-mid>", "<bt-high>")
_ALWAYS: Final[tuple[str, ...]] = (
    *(BOS, PAD, EOS, UNKNOWN),
    *(entry.token for entry in LANGUAGES.values()),
    *(AUTO_TOKEN, BACKTRANSLATED, TERM, TERM_AS, TERM_END),
)
SPECIAL_TOKENS: Final[tuple[str, ...]] = (*_ALWAYS, *QUALITY_BINS)
BYTES: Final[tuple[str, ...]] = tuple(f"<0x{byte:02X}>" for byte in range(256))
# A word with the space before it and inner apostrophes | one digit | a run of symbols, emoji with joiners | one space.
WORD_PATTERN: Final = r" ?\p{L}[\p{L}\p{M}]*(?:['’]\p{L}[\p{L}\p{M}]*)*|\p{N}| ?[^\s\p{L}\p{N}]+|\s"
_MINIMUM_VOCABULARY: Final = len(SPECIAL_TOKENS) + len(BYTES) + 100


@dataclass(frozen=True)
class TokenizerConfig:
    """How the vocabulary is made.

    Attributes:
        vocab_size: entries in all: special tokens, 256 bytes and pieces. Fewer come out when the text has no more.
        temperature: languages are sampled with p ~ rows^(1/temperature); 1 follows the corpus, large is uniform.
        sample_rows: cells of text sampled over all languages.
        character_coverage: share of the sample's characters that get a piece of their own; the rest is spelt in bytes.
        max_piece_length: characters in the longest piece, its space included.
        min_frequency: a pair of pieces seen less often than this is not merged.
        seed: of the sample.
    """

    vocab_size: int = 24_000
    temperature: float = 5.0
    sample_rows: int = 200_000
    character_coverage: float = 0.9995
    max_piece_length: int = 16
    min_frequency: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.vocab_size < _MINIMUM_VOCABULARY:
            raise InputError(f"tokenizer.vocab_size={self.vocab_size}: at least {_MINIMUM_VOCABULARY} are needed")
        if self.temperature < 1:
            raise InputError(f"tokenizer.temperature={self.temperature}: must be 1 or more")
        if not 0.9 <= self.character_coverage <= 1:
            raise InputError(f"tokenizer.character_coverage={self.character_coverage}: must lie in 0.9 to 1")
        for key in ("sample_rows", "max_piece_length", "min_frequency"):
            if getattr(self, key) < 1:
                raise InputError(f"tokenizer.{key}={getattr(self, key)}: must be 1 or more")


def balanced_sample(texts: Mapping[str, Texts], config: TokenizerConfig) -> dict[str, list[str]]:
    """Draw texts per language without replacement, shares ~ rows^(1/temperature), about `sample_rows` in all.

    Raises:
        InputError: no text at all.
    """
    columns = {code: rows for code, rows in texts.items() if len(rows)}
    if not columns:
        raise InputError("tokenizer: the corpus has no text in its train split")
    counts = np.array([len(rows) for rows in columns.values()], dtype=np.float64)
    shares = counts ** (1 / config.temperature)
    quotas = np.minimum(counts, np.ceil(config.sample_rows * shares / shares.sum())).astype(np.int64)
    sample = {}
    for index, (code, quota) in enumerate(zip(columns, quotas, strict=True)):
        chosen = np.random.default_rng((config.seed, index)).permutation(len(columns[code]))[:quota]
        sample[code] = _take(columns[code], np.sort(chosen))
    return sample


def _take(rows: Texts, chosen: np.ndarray) -> list[str]:
    if isinstance(rows, pa.Array | pa.ChunkedArray):
        return rows.take(pa.array(chosen)).to_pylist()
    return [rows[row] for row in chosen]


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


def train_tokenizer(texts: Mapping[str, Texts], config: TokenizerConfig) -> "PreTrainedTokenizerFast":
    """Learn the shared vocabulary from the texts of each language; the same texts and config give the same bytes.

    Raises:
        InputError: no text at all.
    """
    from tokenizers import Tokenizer, models, trainers

    sample = [text for rows in balanced_sample(texts, config).values() for text in rows]
    reserved = [*SPECIAL_TOKENS, *BYTES]
    room = config.vocab_size - len(reserved)
    alphabet = covering_alphabet(sample, config.character_coverage, room)
    learner = Tokenizer(models.BPE())
    _attach_word_splitter(learner)
    trainer = trainers.BpeTrainer(
        vocab_size=room,
        min_frequency=config.min_frequency,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        max_token_length=config.max_piece_length,
        show_progress=False,
    )
    learner.train_from_iterator(sample, trainer, length=len(sample))
    return _wrap(_with_reserved(learner, reserved))


def _attach_word_splitter(tokenizer: "Tokenizer") -> None:
    from tokenizers import Regex, normalizers, pre_tokenizers

    tokenizer.normalizer = normalizers.Prepend(" ")
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
        additional_special_tokens=list(SPECIAL_TOKENS[4:]),
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
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(directory))
    except Exception as error:
        raise InputError(f"{directory / 'tokenizer.json'}: not a readable tokenizer ({error})") from error
    if tokenizer.convert_ids_to_tokens(list(range(len(_ALWAYS)))) != list(_ALWAYS):  # the first version had no more
        raise InputError(f"{directory}: a tokenizer of another project: its first ids are not our special tokens")
    return tokenizer


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
