"""What a corpus knows of a language: its words, which of them stand in the same slot, and its other messages."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from parley.languages.table import LANGUAGES
from parley.languages.words import Interval, spaced, words_of

_ENDING: Final = 3  # characters in which they differ at most
_SLOT_WORDS: Final = 40  # kept per slot
_EDGE: Final = ""
FUNCTION_SHARE: Final = 0.4  # the most frequent words that make up this share of the text carry little meaning


@dataclass(frozen=True)
class TextUnit:
    """A piece of text that is put in, taken out or replaced: a word, or up to three characters without spaces."""

    text: str
    start: int
    end: int


@dataclass
class Lexicon:
    """Words of one language with their slots and forms, and the messages they come from.

    Attributes:
        words: how often each unit occurs, lower case.
        slots: (unit before, unit after) -> units seen between them, in order of first appearance.
        forms: first letters -> words that begin with them.
        messages: all texts, for what is inserted or swapped in whole.
        names: words left as they are in every language of their row.
        content: units that are not among the most frequent ones.
    """

    code: str
    words: Counter[str] = field(default_factory=Counter)
    slots: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    forms: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    messages: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    content: list[str] = field(default_factory=list)
    function: frozenset[str] = frozenset()

    def same_slot(self, before: str, word: str, after: str) -> list[str]:
        """Other units seen between the same neighbours."""
        return [other for other in self.slots.get((before.lower(), after.lower()), ()) if other.lower() != word.lower()]

    def other_forms(self, word: str) -> list[str]:
        """Words with the same beginning and another ending: inflections, for the most part."""
        shortest = LANGUAGES[self.code].shortest_stem
        if len(word) <= shortest:
            return []
        stem = word[: max(shortest, len(word) - _ENDING)].lower()
        near = (other for other in self.forms.get(word[:shortest].lower(), ()) if other != word.lower())
        return [other for other in near if other.startswith(stem) and abs(len(other) - len(word)) <= _ENDING]

    def is_content(self, text: str) -> bool:
        """Whether a piece of text carries meaning beyond the most frequent words."""
        return any(text[start:end].lower() not in self.function for start, end in words_of(text))


def build_lexicon(code: str, messages: Iterable[str], names: Iterable[str] = ()) -> Lexicon:
    """Read the messages of one language, each once.

    Args:
        names: words left as they are in every language, see `shared_names`.
    """
    lexicon = Lexicon(code)
    lexicon.messages = list(dict.fromkeys(filter(None, messages)))
    lexicon.names = sorted(set(names))
    for message in lexicon.messages:
        _read(lexicon, message)
    ranked = lexicon.words.most_common()
    total, reached, function = sum(lexicon.words.values()), 0, set()
    for word, count in ranked:
        if reached > FUNCTION_SHARE * total:
            break
        function.add(word)
        reached += count
    lexicon.function = frozenset(function)
    lexicon.content = [word for word, _ in ranked if word not in function]
    return lexicon


def units_of(text: str, code: str, rng: random.Random | None = None) -> list[TextUnit]:
    """Words without punctuation; in scripts without spaces neighbouring words are joined, up to three at random.

    Without `rng` they are not joined.
    """
    words = [(start, end) for start, end in words_of(text) if text[start].isalnum()]
    if spaced(code) or rng is None:
        return [TextUnit(text[start:end], start, end) for start, end in words]
    return [TextUnit(text[start:end], start, end) for start, end in _joined(words, rng)]


def shared_names(row: Mapping[str, str]) -> set[str]:
    """Words in capital letters or with digits that stand in every text of a row; none for fewer than two texts."""
    first, *others = row.values() if len(row) > 1 else ("",)
    names = {word for word in _words(first) if len(word) > 2 and word.isascii() and word[0].isalpha()}
    likely = {word for word in names if word != word.lower() and all(word in text for text in others)}
    return {word for word in likely if all(word in _words(text) for text in others)}


def _words(text: str) -> set[str]:
    return {text[start:end] for start, end in words_of(text)}


def _joined(words: Sequence[Interval], rng: random.Random) -> list[Interval]:
    joined, position = [], 0
    while position < len(words):
        last = position
        wanted = rng.choice((1, 2, 2, 3))
        while last + 1 < len(words) and last + 1 - position < wanted and words[last + 1][0] == words[last][1]:
            last += 1
        joined.append((words[position][0], words[last][1]))
        position = last + 1
    return joined


def _read(lexicon: Lexicon, message: str) -> None:
    words = [message[start:end] for start, end in words_of(message)]
    padded = [_EDGE, *(word.lower() for word in words), _EDGE]
    for position, word in enumerate(words, start=1):
        if not word[0].isalpha():
            continue
        lower = word.lower()
        shortest = LANGUAGES[lexicon.code].shortest_stem
        if lower not in lexicon.words and len(word) > shortest:
            lexicon.forms[lower[:shortest]].append(lower)
        lexicon.words[lower] += 1
        slot = lexicon.slots[padded[position - 1], padded[position + 1]]
        if len(slot) < _SLOT_WORDS and word not in slot:
            slot.append(word)
