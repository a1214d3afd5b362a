"""Scripts of text: which writing system every character belongs to, and what share of a text is in a language's own.

Every code point has one `CharacterClass`, looked up in a table of 1.1 M bytes that is built once per process, so that a
whole column is classified by one numpy look-up and a single text by one `bytes` look-up per character.

Simplified and Traditional are told apart by characters that only one of them uses. A character is Simplified only when
OpenCC turns it into another one on the way to Traditional and the common half of Big5 (Taiwan's set) lacks it;
Traditional only is the mirror image with GB 2312 (the mainland's set). Characters of both (后, 里, 台) decide nothing.
"""

import sys
import unicodedata
from enum import IntEnum
from functools import lru_cache
from typing import Final

import numpy as np

from parley.languages.table import CODES, language


class CharacterClass(IntEnum):
    """What one character is; letters are the classes from `LATIN` on."""

    OTHER = 0
    SPACE = 1
    PUNCTUATION = 2
    SYMBOL = 3
    BROKEN = 4  # control, private use, unassigned, U+FFFD: damage, not text
    MARK = 5
    DIGIT = 6
    LATIN = 7
    CYRILLIC = 8
    THAI = 9
    HANGUL = 10
    KANA = 11
    HAN = 12
    SIMPLIFIED = 13  # Han characters of Simplified Chinese alone
    TRADITIONAL = 14  # Han characters that Simplified Chinese does not use
    LETTER = 15  # letters of any other script


CLASS_COUNT: Final = len(CharacterClass)
LETTERS: Final[tuple[CharacterClass, ...]] = tuple(kind for kind in CharacterClass if kind >= CharacterClass.LATIN)
CHINESE: Final = (CharacterClass.HAN, CharacterClass.SIMPLIFIED, CharacterClass.TRADITIONAL)
_SCRIPT_CLASSES: Final[dict[str, tuple[CharacterClass, ...]]] = {
    "Latn": (CharacterClass.LATIN,),
    "Cyrl": (CharacterClass.CYRILLIC,),
    "Thai": (CharacterClass.THAI,),
    "Jpan": (CharacterClass.KANA, *CHINESE),
    "Hang": (CharacterClass.HANGUL,),
    "Hans": CHINESE,
    "Hant": CHINESE,
}
_HAN_RANGES: Final = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))
_RANGES: Final[tuple[tuple[int, int, CharacterClass], ...]] = (
    (0x0400, 0x0530, CharacterClass.CYRILLIC),
    (0x1C80, 0x1C90, CharacterClass.CYRILLIC),
    (0x0E01, 0x0E4F, CharacterClass.THAI),
    (0x1100, 0x1200, CharacterClass.HANGUL),
    (0x3131, 0x318F, CharacterClass.HANGUL),
    (0xAC00, 0xD7A4, CharacterClass.HANGUL),
    (0x3041, 0x3100, CharacterClass.KANA),
    (0x31F0, 0x3200, CharacterClass.KANA),
    (0xFF66, 0xFFA0, CharacterClass.KANA),
    (0x3005, 0x3008, CharacterClass.HAN),
    *((first, last, CharacterClass.HAN) for first, last in _HAN_RANGES),
)
_BY_CATEGORY: Final = {
    "Z": CharacterClass.SPACE,
    "P": CharacterClass.PUNCTUATION,
    "S": CharacterClass.SYMBOL,
    "M": CharacterClass.MARK,
    "L": CharacterClass.LETTER,
}
_LAST_SCRIPT: Final = 0x32000  # beyond it no script lies, only tags and variation selectors
_EMOJI: Final = (0x1F000, 0x1FB00)  # also those that this Python's Unicode does not know yet
_TAGS: Final = (0xE0000, 0xE0200)


def _class_of(character: str) -> CharacterClass:
    category = unicodedata.category(character)
    point = ord(character)
    if character in "\t\n\v\f\r\x85":
        return CharacterClass.SPACE
    if 0xFE00 <= point <= 0xFE0F:
        return CharacterClass.OTHER  # chooses between an emoji's colour and text form
    if _EMOJI[0] <= point < _EMOJI[1]:
        return CharacterClass.SYMBOL
    if category == "Nd":
        return CharacterClass.DIGIT
    if category in {"Cc", "Co", "Cn", "Cs"} or point == 0xFFFD:
        return CharacterClass.BROKEN
    if category[0] in "LM" or point == 0x3007:
        for first, last, kind in _RANGES:
            if first <= point < last:
                return kind
        if unicodedata.name(character, "").startswith(("LATIN", "FULLWIDTH LATIN")) or character in "ªº":
            return CharacterClass.LATIN
    return _BY_CATEGORY.get(category[0], CharacterClass.OTHER)


def _encodable(character: str, encoding: str, last: int) -> bool:
    try:
        code = character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return len(code) == 2 and int.from_bytes(code, "big") <= last


def _one_sided_characters() -> tuple[set[str], set[str]]:
    """Characters of Simplified alone and of Traditional alone."""
    from opencc import OpenCC

    to_traditional, to_simplified = OpenCC("s2t"), OpenCC("t2s")
    simplified, traditional = set(), set()
    for character in map(chr, range(0x4E00, 0xA000)):
        if to_traditional.convert(character) != character and not _encodable(character, "big5", 0xC67E):
            simplified.add(character)
        elif to_simplified.convert(character) != character and not _encodable(character, "gb2312", 0xF7FE):
            traditional.add(character)
    return simplified, traditional


@lru_cache(maxsize=1)
def class_table() -> np.ndarray:
    """`CharacterClass` of every code point, uint8[0x110000], read-only."""
    table = np.full(sys.maxunicode + 1, CharacterClass.BROKEN, dtype=np.uint8)
    table[:_LAST_SCRIPT] = [_class_of(chr(point)) for point in range(_LAST_SCRIPT)]
    table[slice(*_TAGS)] = CharacterClass.OTHER
    simplified, traditional = _one_sided_characters()
    table[[ord(character) for character in simplified]] = CharacterClass.SIMPLIFIED
    table[[ord(character) for character in traditional]] = CharacterClass.TRADITIONAL
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def _class_bytes() -> bytes:
    return class_table().tobytes()


def script_classes(code: str) -> tuple[CharacterClass, ...]:
    """The classes of letters that a language is written in."""
    return _SCRIPT_CLASSES.get(language(code).script, (CharacterClass.LETTER,))


def own_classes(code: str) -> tuple[CharacterClass, ...]:
    """The classes of letters that no other language is written in: Thai has its own, French has none."""
    others = {kind for other in CODES if other != code for kind in script_classes(other)}
    return tuple(kind for kind in script_classes(code) if kind not in others)


def class_counts(text: str) -> list[int]:
    """How many characters of `text` are of each `CharacterClass`, by its value."""
    table = _class_bytes()
    counts = [0] * CLASS_COUNT
    for character in text:
        counts[table[ord(character)]] += 1
    return counts


def letter_count(counts: list[int]) -> int:
    """Letters in a list of `class_counts`."""
    return sum(counts[CharacterClass.LATIN :])


def own_letter_count(counts: list[int], code: str) -> int:
    """Letters of the script of language `code` in a list of `class_counts`."""
    return sum(counts[kind] for kind in script_classes(code))
