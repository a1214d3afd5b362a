"""Slips of the finger."""

from random import Random

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message
from parley.corpus.augmentation.words import in_a_word


@AUGMENTATIONS.register("typos")
def typos(message: Message, draw: Random) -> Message:
    """In one word of the source, two neighbouring letters swapped or one left out; never the first one."""
    return in_a_word(message, draw, _mistyped)


def _mistyped(word: str, draw: Random) -> str:
    place = draw.randint(1, len(word) - 2)
    if draw.random() < 0.5:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place + 1 :]
