"""Damage to a translation whose every word is known to be right: what the detector learns to find.

Words are replaced by a generator's samples, by random words, by their neighbours or by source words; some are left
out, some are put in. Works on piece ids, so that any generator with the same vocabulary fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qe_model.model.config import PretrainingConfig
from qe_model.model.inputs import TextPieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    Ints = np.ndarray[Any, np.dtype[np.int64]]

    Bools = np.ndarray[Any, np.dtype[np.bool_]]
    Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Damaged:
    """A text after the damage: its pieces, which of its N words are wrong [N], before which gap words are missing."""

    pieces: TextPieces
    wrong: "Bools"
    missing: "Bools"


def word_starts(tokenizer: "PreTrainedTokenizerBase") -> "Bools":
    """Whether a word begins at a piece, for each entry of the vocabulary [V].

    At a space, and anywhere in text that is not joined letters of a script with spaces: each piece of Han or Thai text
    is a word here.
    """
    starts = np.ones(len(tokenizer), bool)
    for piece, place in tokenizer.get_vocab().items():
        starts[place] = not piece or not (_joins(piece[0]) or piece.startswith("<0x"))
    return starts


def _joins(character: str) -> bool:
    """Whether a piece that begins so goes on the word before: letters and marks of scripts with spaces."""
    code = ord(character)
    unspaced = 0x0E00 <= code <= 0x0E7F or 0x2E80 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or code >= 0x20000
    return (character.isalpha() or character in "'’") and not unspaced


def split_words(ids: "Ints", starts: "Bools") -> list["Ints"]:
    """The pieces of each word."""
    if not len(ids):
        return []
    edges = np.flatnonzero(starts[ids])
    return [part for part in np.split(ids, edges) if len(part)]


def as_pieces(words: Sequence["Ints"]) -> TextPieces:
    """Words joined to a text."""
    ids = np.concatenate(words) if words else np.zeros(0, np.int64)
    sizes = np.array([len(word) for word in words], np.int64)
    ends = np.cumsum(sizes)
    return TextPieces(ids, ends - sizes, ends - 1)


@dataclass(frozen=True)
class Plan:
    """What is to happen to each of the N words of a translation.

    Attributes:
        words: their pieces.
        changed, lost, gained: [N] whether a word is replaced, left out, followed by another one.
        kinds: [N] numbers in 0 to 1 that choose what replaces it.
        sampled: [P] the pieces in whose place the generator's sample will stand.
    """

    words: "Sequence[Ints]"
    changed: "Bools"
    lost: "Bools"
    gained: "Bools"
    kinds: "Floats"
    sampled: "Bools"


class Corruption:
    """Draws damage for one message at a time: first a plan, then, with the samples that it needs, the damage."""

    def __init__(self, config: PretrainingConfig, starts: "Bools") -> None:
        self.config, self.starts = config, starts

    def plan(self, target: "Ints", generator: np.random.Generator) -> Plan:
        """Decide what happens to each word of a right translation."""
        config, words = self.config, split_words(target, self.starts)
        rate = generator.uniform(0, config.max_rate)
        change, kinds, lose, gain = generator.random((4, len(words)))
        changed, lost = change < rate, (lose < config.omit) & (len(words) > 1)
        sampled = changed & ~lost & (kinds >= config.unigram + config.swap + config.copy)
        sizes = np.array([len(word) for word in words], np.int64)
        return Plan(words, changed, lost, gain < config.insert, kinds, np.repeat(sampled, sizes))

    def damage(
        self, plan: Plan, source: "Ints", samples: "Ints", others: "Ints", generator: np.random.Generator
    ) -> Damaged:
        """Damage one translation.

        Args:
            source: pieces of the translation's source.
            samples: the generator's pieces at the places of the translation's; read where `plan.sampled`.
            others: pieces of other messages to take random words from.
        """
        words = plan.words
        sampled = np.split(samples, np.cumsum([len(word) for word in words])[:-1]) if words else []
        random_words = split_words(others, self.starts) or list(words)
        source_words = split_words(source, self.starts) or list(words)
        out: list[Ints] = []
        wrong: list[bool] = []
        missing = [False]
        for place, word in enumerate(words):
            if plan.lost[place]:
                missing[-1] = True
                continue
            new = word
            if plan.changed[place]:
                following = words[place + 1] if place + 1 < len(words) else words[0]
                choices = (random_words, source_words)
                drawn = [pool[int(generator.integers(len(pool)))] for pool in choices]
                new = self._replacement(plan.kinds[place], sampled[place], following, *drawn)
            out.append(new)
            wrong.append(not np.array_equal(new, word))
            missing.append(False)
            if plan.gained[place]:
                out.append(random_words[int(generator.integers(len(random_words)))])
                wrong.append(True)
                missing.append(False)
        return Damaged(as_pieces(out), np.array(wrong, bool), np.array(missing, bool))

    def _replacement(self, kind: float, sample: "Ints", following: "Ints", other: "Ints", copied: "Ints") -> "Ints":
        config = self.config
        if kind < config.unigram:
            return other
        if kind < config.unigram + config.swap:
            return following
        if kind < config.unigram + config.swap + config.copy:
            return copied
        return sample
