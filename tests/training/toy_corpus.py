"""A tiny multiway corpus of invented messages: every language is a letter-for-letter cipher of the first."""

import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from parley.corpus.store import write_corpus
from parley.pipeline.manifest import Manifest, write_manifest
from training.batches.encoding import EncodedConfig, EncodedStage
from training.tokenizer import TokenizerConfig
from training.tokenizer_stage import TokenizerStage

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("go", "now", "help", "boss", "team", "red", "blue", "fast", "key", "door", "left", "up", "run", "heal", "wait")


def cipher(text: str, shift: int) -> str:
    """Every letter moved on by `shift` places."""
    return "".join(LETTERS[(LETTERS.index(c) + shift) % 26] if c in LETTERS else c for c in text)


def make_inputs(root: Path, languages: Sequence[str] = ("en", "fr", "th"), rows: int = 600) -> dict[str, Path]:
    """Folders `corpus`, `tokenizer`, `encoded` as the stages make them; the last pair is withheld."""
    draw = random.Random(3)
    messages = sorted({" ".join(draw.choices(WORDS, k=draw.randint(2, 5))) for _ in range(rows)})
    draw.shuffle(messages)
    table = pa.table(
        {
            "row_id": [f"row-{i}" for i in range(len(messages))],
            "domain": ["chat"] * len(messages),
            "split": ["dev" if i % 10 == 0 else "test" if i % 10 == 1 else "train" for i in range(len(messages))],
            "origin": ["human"] * len(messages),
            **{code: [cipher(text, 5 * i) for text in messages] for i, code in enumerate(languages)},
        }
    )
    folders = {name: root / name for name in ("corpus", "tokenizer", "encoded")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    facts = write_corpus(table, folders["corpus"], [f"{languages[-2]}-{languages[-1]}"])
    write_manifest(folders["corpus"], Manifest("corpus", 1, "toy", {}, {}, {}, facts, 0.0, 1, ""))
    TokenizerStage(TokenizerConfig(vocab_size=480)).run(folders["tokenizer"], folders)
    EncodedStage(EncodedConfig()).run(folders["encoded"], folders)
    return folders
