"""Slips of the finger."""

from functools import partial
from random import Random

from parley.corpus.augmentation.layouts import beside
from parley.corpus.augmentation.registry import AUGMENTATIONS, Message
from parley.corpus.augmentation.words import TYPED, in_a_word


@AUGMENTATIONS.register("typos")
def typos(message: Message, draw: Random) -> Message:
    """One slip in one word of the source, never in its first letter: the key beside (by the language's keyboard), two
    letters swapped, one left out or typed twice; Hangul syllables have the key beside alone."""
    return in_a_word(message, draw, partial(_mistyped, code=message.source_language), TYPED)


def _mistyped(word: str, draw: Random, code: str) -> str:
    place = draw.randint(1, max(1, len(word) - 2))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    slips = [before + key + after for key in beside(letter, code)]
    if "가" <= letter <= "힣":
        return draw.choice(slips)
    others = [before + after[:1] + letter + after[1:], before + after, before + letter + letter + after]
    return draw.choice([*others, draw.choice(slips)] if slips else others)
