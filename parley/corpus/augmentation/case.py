"""Letters as chat has them: all small, or all capitals."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message
from parley.corpus.augmentation.words import in_all_words
from parley.languages.casing import lower, upper

_CAPITALS: Final = 1 / 6  # of the messages; chat is typed in small letters more often than it is shouted


@AUGMENTATIONS.register("case")
def case(message: Message, draw: Random) -> Message:
    """Small letters in the source, whose translation is written as ever; once in a while capitals on both sides."""
    return in_capitals(message) if draw.random() < _CAPITALS else in_small_letters(message)


def in_small_letters(message: Message) -> Message:
    """The source in small letters."""
    return replace(message, source=_changed(lower, message.source, message.source_language))


def in_capitals(message: Message) -> Message:
    """Source and target in capitals; neither where the source's script has none, since nobody shouts there."""
    source = _changed(upper, message.source, message.source_language)
    if source == _changed(lower, message.source, message.source_language):
        return message
    return replace(message, source=source, target=_changed(upper, message.target, message.target_language))


def _changed(case: Callable[[str, str], str], text: str, code: str) -> str:
    return in_all_words(text, lambda words: unicodedata.normalize("NFC", case(words, code)))
