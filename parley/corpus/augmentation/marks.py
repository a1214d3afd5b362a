"""Letters without their marks, as they are typed in a hurry or on a foreign keyboard."""

import re
from dataclasses import replace
from random import Random
from typing import Final
from unicodedata import normalize

from parley.corpus.augmentation.registry import AUGMENTATIONS, Message
from parley.corpus.augmentation.words import in_all_words

_PLAIN: Final = str.maketrans(
    {"đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ı": "i", "ß": "ss", "œ": "oe", "ё": "е", "Ё": "Е"}
    | dict.fromkeys("\u0e48\u0e49\u0e4a\u0e4b", "")  # the four tone marks of Thai
)
_LATIN: Final = re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]")


@AUGMENTATIONS.register("marks")
def marks(message: Message, draw: Random) -> Message:
    """`đẹp quá` -> `dep qua`: the source without accents, dots and tone marks; Latin letters, ё and Thai."""
    return replace(message, source=in_all_words(message.source, _plain))


def _plain(text: str) -> str:
    return _LATIN.sub(lambda letter: normalize("NFD", letter.group())[0], text.translate(_PLAIN))
