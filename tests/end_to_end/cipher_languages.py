"""Three families of two invented languages, ciphers of one another, under the codes of real ones.

A message is a sequence of concepts. Each language has a word of its own for every concept, so languages share no
words; each family puts the words in an order of its own. A model that translates has found the concepts.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from parley.corpus.config import CleaningConfig, CorpusConfig
from parley.corpus.source_config import SourceConfig
from parley.languages.table import LANGUAGES
from tests.parley.corpus.whole import build_corpus
from training.batches.encoding import EncodedConfig, EncodedStage
from training.tokenizer import TokenizerConfig
from training.tokenizer_stage import TokenizerStage

LANGUAGE_CODES: Final = ("en", "es", "fr", "de", "pl", "ru")  # Germanic, Romance, Romance, Germanic, Slavic, Slavic
WITHHELD: Final = "fr-pl"
CONCEPTS: Final = 16
SYLLABLES: Final = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


def straight(concepts: Sequence[int]) -> list[int]:
    """As they are thought."""
    return list(concepts)


def backwards(concepts: Sequence[int]) -> list[int]:
    """The last first."""
    return list(reversed(concepts))


def pairs_swapped(concepts: Sequence[int]) -> list[int]:
    """1 2 3 4 5 -> 2 1 4 3 5."""
    return [concept for start in range(0, len(concepts), 2) for concept in reversed(concepts[start : start + 2])]


WORD_ORDER: Final = {"Germanic": straight, "Romance": backwards, "Slavic": pairs_swapped}


def dictionaries() -> dict[str, list[str]]:
    """Each language's word for every concept; no word is in two languages."""
    words = [first + second for first in SYLLABLES for second in SYLLABLES]
    random.Random(5).shuffle(words)
    return {code: words[i * CONCEPTS : (i + 1) * CONCEPTS] for i, code in enumerate(LANGUAGE_CODES)}


def write_messages(path: Path, train: int, held_out: int) -> None:
    """A TSV of different messages of three to five concepts, in all languages; the held-out ones are dev and test."""
    draw, words = random.Random(7), dictionaries()
    messages: dict[tuple[int, ...], None] = {}
    while len(messages) < train + 2 * held_out:
        messages[tuple(draw.sample(range(CONCEPTS), draw.randint(3, 5)))] = None
    splits = ["train"] * train + ["dev"] * held_out + ["test"] * held_out
    lines = ["\t".join(("split", *LANGUAGE_CODES))]
    for split, concepts in zip(splits, messages, strict=True):
        ordered = {code: WORD_ORDER[LANGUAGES[code].family](concepts) for code in LANGUAGE_CODES}
        lines.append("\t".join((split, *(" ".join(words[code][c] for c in ordered[code]) for code in LANGUAGE_CODES))))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_inputs(root: Path, train: int = 3000, held_out: int = 60) -> dict[str, Path]:
    """Folders `corpus`, `tokenizer`, `encoded`, made by their stages."""
    write_messages(root / "ciphers.tsv", train, held_out)
    config = CorpusConfig(
        sources={"ciphers": SourceConfig(format="tsv", path="ciphers.tsv", clean=False)},
        languages=list(LANGUAGE_CODES),
        withhold_pairs=[WITHHELD],
        cleaning=CleaningConfig(duplicates="none"),
        root=str(root),
    )
    folders = {name: root / name for name in ("corpus", "tokenizer", "encoded")}
    for name in ("tokenizer", "encoded"):
        folders[name].mkdir()
    build_corpus(config, root)
    TokenizerStage(TokenizerConfig(vocab_size=1200)).run(folders["tokenizer"], folders)
    EncodedStage(EncodedConfig()).run(folders["encoded"], folders)
    return folders
