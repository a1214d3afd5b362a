"""Punctuation that nobody types."""

import re
from dataclasses import replace
from random import Random
from typing import Final

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message

_PUNCTUATION: Final = re.compile(r"[¿¡]+|[.,!?;:…。、!?;:،؟]+(?=\s|$)")


@AUGMENTATIONS.register("punctuation")
def punctuation(message: Message, draw: Random) -> Message:
    """The source without full stops, commas, question and exclamation marks; one of nothing else stays."""
    bare = _PUNCTUATION.sub("", message.source).strip()
    return replace(message, source=bare) if any(map(str.isalnum, bare)) else message
