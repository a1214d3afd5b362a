"""One word of a message changed, as fingers change it: letters drawn out, swapped, left out."""

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from parley.corpus.augmentation.registry import Message

_WORD: Final = re.compile(r"[^\W\d_]{3,}")


def in_a_word(message: Message, draw: Random, change: Callable[[str, Random], str]) -> Message:
    """Change one word of the source; scripts without case (Thai, Han, kana, Hangul) are typed otherwise and left."""
    text = message.source
    words = [match for match in _WORD.finditer(text) if match.group()[0].lower() != match.group()[0].upper()]
    if not words:
        return message
    word = draw.choice(words)
    return replace(message, source=text[: word.start()] + change(word.group(), draw) + text[word.end() :])
