"""Chat's roughness, put into clean messages: case, missing punctuation, drawn-out letters, slips of the finger."""

import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_PUNCTUATION: Final = re.compile(r"[.,!?;:…。、!?;:،؟]+(?=\s|$)")
_WORD: Final = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class NoiseConfig:
    """How chat is roughened before the teacher translates it. Each probability is per message.

    Attributes:
        lower: the message in lower case.
        upper: the message in capitals.
        strip_punctuation: no full stops, commas, question or exclamation marks.
        elongate: a letter of one word is repeated (sooo).
        typo: two neighbouring letters of one word are swapped, or one is left out.
    """

    lower: float = 0.15
    upper: float = 0.03
    strip_punctuation: float = 0.15
    elongate: float = 0.05
    typo: float = 0.08


def roughened(texts: Sequence[str], config: NoiseConfig, seed: int) -> list[str]:
    """Each text with the noise drawn for its place; the same texts, config and seed give the same result."""
    return [_roughen(text, config, random.Random(f"{seed}:{place}")) for place, text in enumerate(texts)]


def _roughen(text: str, config: NoiseConfig, draw: random.Random) -> str:
    rough = text
    case = draw.random()
    if case < config.lower:
        rough = rough.lower()
    elif case < config.lower + config.upper:
        rough = rough.upper()
    if draw.random() < config.strip_punctuation:
        rough = _PUNCTUATION.sub("", rough)
    if draw.random() < config.elongate:
        rough = _in_a_word(rough, draw, _elongated)
    if draw.random() < config.typo:
        rough = _in_a_word(rough, draw, _mistyped)
    rough = unicodedata.normalize("NFC", rough).strip()
    return rough if any(character.isalnum() for character in rough) else text


def _in_a_word(text: str, draw: random.Random, change: Callable[[str, random.Random], str]) -> str:
    """Change one alphabetic word; scripts without case (Thai, Han, kana) have no such typing errors and are left."""
    words = [match for match in _WORD.finditer(text) if match.group()[0].lower() != match.group()[0].upper()]
    if not words:
        return text
    word = draw.choice(words)
    return text[: word.start()] + change(word.group(), draw) + text[word.end() :]


def _elongated(word: str, draw: random.Random) -> str:
    """`so` -> `sooo`: the last letter, as chat does it."""
    return word + word[-1] * draw.randint(1, 3)


def _mistyped(word: str, draw: random.Random) -> str:
    """Two neighbours swapped, or one letter left out; never the first one."""
    place = draw.randint(1, len(word) - 2)
    if draw.random() < 0.5:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place + 1 :]
