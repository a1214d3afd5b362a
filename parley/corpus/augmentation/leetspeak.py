"""Digits for letters."""

import re
from random import Random
from typing import Final

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message
from parley.corpus.augmentation.words import in_a_word

_DIGITS: Final = str.maketrans("aeiostAEIOST", "431057" * 2)
_WORD: Final = re.compile(r"\b(?=[A-Za-z]*[aeiostAEIOST])[A-Za-z]{3,}\b")


@AUGMENTATIONS.register("leetspeak")
def leetspeak(message: Message, draw: Random) -> Message:
    """`noob` -> `n00b`: one word of Latin letters in the source, all letters that have a digit."""
    return in_a_word(message, draw, lambda word, _: word.translate(_DIGITS), _WORD)
