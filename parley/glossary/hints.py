"""Hints: what a word of a message is to be translated as.

    Take the healer <term> 1 healer <as> Heilerin </term> along.  ->  Nehmt die [1] mit.  ->  Nehmt die Heilerin mit.

A hint stands behind the word that it is about; one on a word that the message does not have stands nowhere, so it
changes nothing. Its three special tokens are placed by id: nothing that a user types is one. The model writes the
hint's slot, a private character in three bytes, where the hint's translation belongs as it is, so that a word that
nobody has seen is never misspelt; where the translation must be inflected it may write the word itself.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from parley.languages.table import LANGUAGES
from parley.languages.words import Interval
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

TERM: Final = "<term>"
TERM_AS: Final = "<as>"
TERM_END: Final = "</term>"


@dataclass(frozen=True, slots=True)
class Hint:
    """One entry of a dictionary, for one message.

    Attributes:
        end: place in the message behind the word, in characters.
        term: the word.
        wanted: its translation, in the form of the dictionary; where the target inflects, the model does.
    """

    end: int
    term: str
    wanted: str


_SLOTS: Final = 0xE000  # private characters, one for each number of a hint
_NUMBERS: Final = 64
_OPENING: Final = frozenset("¡¿([{\"'’«“„‘-/@# ")  # behind these no space is missing
Hinter = Callable[[str, str, str], tuple[Hint, ...]]  # (text, its language or `auto`, target language) -> hints


def hinted_pieces(tokenizer: "Tokenizer", texts: Sequence[str], hints: Sequence[Sequence[Hint]]) -> Iterator[list[int]]:
    """The pieces of each text with those of its hints among them; what stands between the hints is cut as ever.

    Raises:
        InputError: a vocabulary without the special tokens, as of a model from elsewhere.
    """
    marks = [_id(tokenizer, mark) for mark in (TERM, TERM_AS, TERM_END)] if any(hints) else []
    words = list(dict.fromkeys(word for some in hints for hint in some for word in (hint.term, hint.wanted)))
    encoded = tokenizer.encode_batch_fast(words, add_special_tokens=False)
    pieces = {word: entry.ids for word, entry in zip(words, encoded, strict=True)}
    for entry, own in zip(tokenizer.encode_batch(list(texts), add_special_tokens=False), hints, strict=True):
        ids = list(entry.ids)
        for number, hint in sorted(enumerate(own), key=lambda numbered: -numbered[1].end):
            place, byte = _behind(entry, hint.end), _id(tokenizer, f"<0x{slot(number).encode()[-1]:02X}>")
            ids[place:place] = [marks[0], byte, *pieces[hint.term], marks[1], *pieces[hint.wanted], marks[2]]
        yield ids


def slot(number: int) -> str:
    """What stands in a translation for what the hint of a number, from 0, wants."""
    return chr(_SLOTS + number)


def slotted(text: str, place: Interval, number: int = 0) -> str:
    """A translation with a slot in place of some characters and of the space before them, which `filled` puts back."""
    return text[: place[0]].removesuffix(" ") + slot(number) + text[place[1] :]


def filled(text: str, hints: Sequence[Hint], target: str) -> str:
    """A translation into a language with what is wanted in its slots."""

    def wanted(found: re.Match[str]) -> str:
        before, number = text[: found.start()][-1:], ord(found[0]) - _SLOTS
        space = " " if before and before not in _OPENING and LANGUAGES[target].spaced else ""
        return space + hints[number].wanted if number < len(hints) else ""

    return re.sub(f"[{slot(0)}-{slot(_NUMBERS - 1)}]", wanted, text) if hints else text


def _behind(entry: "Encoding", end: int) -> int:
    """The place among the pieces behind the one that holds the character before `end`."""
    found = (entry.char_to_token(place) for place in range(end - 1, -1, -1))
    return next((piece + 1 for piece in found if piece is not None), 0)


def _id(tokenizer: "Tokenizer", mark: str) -> int:
    found = tokenizer.token_to_id(mark)
    if found is None:
        raise InputError(f"the model's vocabulary has no '{mark}': it cannot be given hints")
    return int(found)
