"""Hints on words of a message that stand in its translation, which then says what they say.

Words that correspond are terms of the glossary, what is written alike on both sides, such as names, and words that
stand in the same rows of the corpus. Most hints say something else than the translation did, which is changed to it: a
model that had only seen true ones would have no reason to read them. Terms that nobody has seen are made of halves of
words.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import Final

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message
from parley.glossary.hints import Hint, slot, slotted
from parley.languages.words import Interval, words_of

_SHORTEST: Final = 3  # letters of a word that is written alike on both sides
_MOST: Final = 2  # true hints in a message
_REAL: Final = 0.4  # of the words that hints are made of; the others are new


@dataclass(frozen=True, slots=True)
class Correspondence:
    """A word and its translation.

    Attributes:
        source, target: where they stand in the message's two texts.
        forms: of the translation that are known, the one of the dictionary first.
    """

    source: Interval
    target: Interval
    forms: tuple[str, ...]


@AUGMENTATIONS.register("hints")
def hints(message: Message, draw: Random) -> Message:
    """True, steering or invented hints, or a new word with its hint; messages without words stay as they are."""
    if not (_words(message.source) and _words(message.target)):
        return message
    pairs = correspondences(message)
    kind = draw.choices(list(_SHARES), list(_SHARES.values()))[0]
    return kind(message, pairs, draw) if pairs else added(message, draw)


def correspondences(message: Message) -> list[Correspondence]:
    """Words that translate each other, from left to right; each stands once on its side."""
    found = [*terms(message), *alike(message), *aligned(message)]
    chosen: list[Correspondence] = []
    for one in found:
        if not any(_overlap(one.source, other.source) or _overlap(one.target, other.target) for other in chosen):
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.source)


def terms(message: Message) -> Iterator[Correspondence]:
    """Terms of the glossary that stand on both sides, the first on one side with the first on the other."""
    if message.glossary is None:
        return
    theirs = message.glossary.find(message.target, message.target_language)
    for found in message.glossary.find(message.source, message.source_language):
        match = next((other for other in theirs if other.term is found.term), None)
        if match is not None:
            yield Correspondence(found.span, match.span, match.term.forms[message.target_language])


def alike(message: Message) -> Iterator[Correspondence]:
    """Words that stand once on each side, as they are."""
    ours, theirs = (Counter(text[slice(*span)] for span in words_of(text)) for text in (message.source, message.target))
    for start, end in words_of(message.source):
        word = message.source[start:end]
        if end - start >= _SHORTEST and word[0].isalpha() and ours[word] == theirs[word] == 1:
            place = next(span for span in words_of(message.target) if message.target[slice(*span)] == word)
            yield Correspondence((start, end), place, (word,))


def aligned(message: Message) -> Iterator[Correspondence]:
    """Words that the corpus has in the same rows."""
    if message.aligned is not None:
        codes = message.source_language, message.target_language
        for source, target in message.aligned.pairs(message.source, message.target, codes):
            yield Correspondence(source, target, (message.target[slice(*target)],))


def true(message: Message, pairs: Sequence[Correspondence], draw: Random) -> Message:
    """Hints that say what the translation says, or the form of the dictionary where it says another."""
    chosen = draw.sample(pairs, min(len(pairs), draw.randint(1, _MOST)))
    found = tuple(Hint(one.source[1], message.source[slice(*one.source)], one.forms[0]) for one in chosen)
    target = message.target
    for number, one in sorted(enumerate(chosen), key=lambda numbered: -numbered[1].target[0]):
        if target[slice(*one.target)] == one.forms[0]:
            target = slotted(target, one.target, number)
    return replace(message, target=target, hints=found)


def steering(message: Message, pairs: Sequence[Correspondence], draw: Random) -> Message:
    """A hint on a word that the translation then follows."""
    return _rewritten(message, draw.choice(pairs), "", _word(message, draw, target=True))


def invented(message: Message, pairs: Sequence[Correspondence], draw: Random) -> Message:
    """The same about a word that stands nowhere else."""
    return _rewritten(message, draw.choice(pairs), _word(message, draw), _word(message, draw, target=True))


def added(message: Message, draw: Random) -> Message:
    """An invented word behind both texts, with its hint."""
    word, wanted = _word(message, draw), _word(message, draw, target=True)
    source, target = f"{message.source} {word}", message.target + slot(0)
    return replace(message, source=source, target=target, hints=(Hint(len(source), word, wanted),))


_SHARES: Final[dict[Callable[[Message, Sequence[Correspondence], Random], Message], float]] = {
    true: 0.25,
    steering: 0.4,
    invented: 0.35,
}


def _rewritten(message: Message, pair: Correspondence, word: str, wanted: str) -> Message:
    """The message with another translation of a word, and another word where one is given."""
    start, end = pair.source
    word = word or message.source[start:end]
    source = message.source[:start] + word + message.source[end:]
    hint = Hint(start + len(word), word, wanted)
    return replace(message, source=source, target=slotted(message.target, pair.target), hints=(hint,))


def _word(message: Message, draw: Random, target: bool = False) -> str:
    """A word of the neighbour in the source's language or the target's, or a new one of halves of two words."""
    other = message.neighbour or message
    words = _words(other.target if target else other.source) or _words(message.target if target else message.source)
    first, second = draw.choice(words), draw.choice(words)
    return first if draw.random() < _REAL else first[: len(first) // 2 + 1] + second[len(second) // 2 :]


def _words(text: str) -> list[str]:
    """Words, and pairs of words where no spaces are between them."""
    spans = [span for span in words_of(text) if text[span[0]].isalpha()]
    glued = [(first[0], second[1]) for first, second in pairwise(spans) if first[1] == second[0]]
    return [text[slice(*span)] for span in glued or spans]


def _overlap(one: Interval, other: Interval) -> bool:
    return one[0] < other[1] and other[0] < one[1]
