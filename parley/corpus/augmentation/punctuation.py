"""Punctuation that nobody types, or that is typed again and again."""

import re
from dataclasses import replace
from random import Random
from typing import Final

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message

_PUNCTUATION: Final = re.compile(r"[¿¡]+|[.,!?;:…。、！？，；：،؟]+(?=\s|$)")
_LAST: Final = re.compile(r"[!?！？]$")
_REPEATED: Final = 1 / 3  # of the messages


@AUGMENTATIONS.register("punctuation")
def punctuation(message: Message, draw: Random) -> Message:
    """The source without its marks; once in a while its last question or exclamation mark two to four times."""
    if draw.random() < _REPEATED:
        times = draw.randint(2, 4)
        return replace(message, source=_LAST.sub(lambda mark: mark.group() * times, message.source))
    return without_punctuation(message)


def without_punctuation(message: Message) -> Message:
    """The source without full stops, commas, question and exclamation marks; one of nothing else stays."""
    bare = _PUNCTUATION.sub("", message.source).strip()
    return replace(message, source=bare) if any(map(str.isalnum, bare)) else message
