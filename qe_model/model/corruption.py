"""Corruption of a translation whose every word is known to be right: what the detector learns to find.

Words are replaced by a generator's samples, by random words, by their neighbours or by source words; some are left
out, some are put in. Works on piece ids, so that any generator with the same vocabulary fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qe_model.arrays import Bools, Floats, Ints
from qe_model.model.inputs import TextPieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class CorruptionRates:
    """How much is changed, and how.

    Attributes:
        most: the share of replaced words is drawn for each message between 0 and this.
        unigram, swap, copy: of the words that are replaced, the share that takes a random word of the batch, the next
            word of the message, or a word of the source instead of a sample.
        omit, insert: share of words left out, and of words with another one put in behind.
    """

    most: float = 0.3
    unigram: float = 0.1
    swap: float = 0.1
    copy: float = 0.05
    omit: float = 0.03
    insert: float = 0.03


@dataclass(frozen=True)
class Corrupted:
    """A corrupted text: its pieces, which of its N words are wrong [N], before which gap words are missing."""

    pieces: TextPieces
    wrong: Bools
    missing: Bools


def word_starts(tokenizer: "PreTrainedTokenizerBase") -> Bools:
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


def split_words(ids: Ints, starts: Bools) -> list[Ints]:
    """The pieces of each word."""
    if not len(ids):
        return []
    edges = np.flatnonzero(starts[ids])
    return [part for part in np.split(ids, edges) if len(part)]


def as_pieces(words: Sequence[Ints]) -> TextPieces:
    """Words joined to a text."""
    ids = np.concatenate(words) if words else np.zeros(0, np.int64)
    sizes = np.array([len(word) for word in words], np.int64)
    ends = np.cumsum(sizes)
    return TextPieces(ids, ends - sizes, ends - 1)


@dataclass(frozen=True)
class CorruptionPlan:
    """What is to happen to each of the N words of a translation.

    Attributes:
        words: their pieces.
        changed, lost, gained: [N] whether a word is replaced, left out, followed by another one.
        kinds: [N] numbers in 0 to 1 that choose what replaces it.
        sampled: [P] the pieces in whose place the generator's sample will stand.
    """

    words: Sequence[Ints]
    changed: Bools
    lost: Bools
    gained: Bools
    kinds: Floats
    sampled: Bools


class Corruption:
    """Corrupts one message at a time: first a plan, then, with the samples that it needs, the text."""

    def __init__(self, starts: Bools, rates: CorruptionRates | None = None) -> None:
        self.starts, self.rates = starts, rates or CorruptionRates()

    def plan(self, target: Ints, generator: np.random.Generator) -> CorruptionPlan:
        """Decide what happens to each word of a right translation."""
        rates, words = self.rates, split_words(target, self.starts)
        rate = generator.uniform(0, rates.most)
        change, kinds, lose, gain = generator.random((4, len(words)))
        changed, lost = change < rate, (lose < rates.omit) & (len(words) > 1)
        sampled = changed & ~lost & (kinds >= rates.unigram + rates.swap + rates.copy)
        sizes = np.array([len(word) for word in words], np.int64)
        return CorruptionPlan(words, changed, lost, gain < rates.insert, kinds, np.repeat(sampled, sizes))

    def corrupt(
        self, plan: CorruptionPlan, source: Ints, samples: Ints, others: Ints, generator: np.random.Generator
    ) -> Corrupted:
        """Carry out a plan.

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
        return Corrupted(as_pieces(out), np.array(wrong, bool), np.array(missing, bool))

    def _replacement(self, kind: float, sample: Ints, following: Ints, other: Ints, copied: Ints) -> Ints:
        rates = self.rates
        if kind < rates.unigram:
            return other
        if kind < rates.unigram + rates.swap:
            return following
        return copied if kind < rates.unigram + rates.swap + rates.copy else sample
