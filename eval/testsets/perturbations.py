"""Perturbations that messages are also translated under: source language not told, told wrongly, rough typing."""

import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from parley.languages.table import AUTO, pair

_MARKS: Final = str.maketrans(dict.fromkeys(string.punctuation + "¿¡。、，！？…「」『』“”«»", ""))
_TYPO_LETTERS: Final = 4  # shorter words are left alone


@dataclass(frozen=True)
class Perturbation:
    """How messages are given to a system.

    Attributes:
        name: of the slice in the report; empty for messages as they are.
        told: (direction, languages of the test set) -> the source language that the system is told.
        written: (text, id of the message) -> the text that it gets.
    """

    name: str = ""
    told: Callable[[str, Sequence[str]], str] = lambda direction, _: pair(direction)[0]
    written: Callable[[str, str], str] = lambda text, _: text


def another_language(direction: str, languages: Sequence[str]) -> str:
    """A language that is neither source nor target; the same for a direction every time.

    Raises:
        ValueError: there is no third language.
    """
    others = [code for code in languages if code not in pair(direction)]
    if not others:
        raise ValueError(f"no third language beside {direction}")
    return random.Random(direction).choice(others)


def roughly_typed(text: str, row_id: str) -> str:
    """In small letters, without punctuation, with two neighbouring letters of one word swapped."""
    bare = text.lower().translate(_MARKS).split() or [text]
    draw = random.Random(f"{row_id} {text}")
    long = [place for place, word in enumerate(bare) if len(word) >= _TYPO_LETTERS and word.isalpha()]
    if long:
        place = draw.choice(long)
        word = bare[place]
        at = draw.randrange(len(word) - 1)
        bare[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(bare)


PLAIN: Final = Perturbation()
AUTO_SOURCE: Final = Perturbation("auto_source", told=lambda *_: AUTO)
WRONG_SOURCE: Final = Perturbation("wrong_source", told=another_language)
NOISY: Final = Perturbation("noisy", written=roughly_typed)
PERTURBATIONS: Final = {one.name: one for one in (AUTO_SOURCE, NOISY, WRONG_SOURCE)}
