"""Text that was written as UTF-8 and read by another table: found by reading it again the right way."""

import codecs
import re
from functools import lru_cache
from typing import Final

import ftfy
import numpy as np

_ONE_BYTE: Final = (
    *("latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso8859-2", "mac_roman", "cp437"),
)
_STRICT: Final = _ONE_BYTE[:-2]  # in the others ’é is a letter of UTF-8
_TWO_BYTES: Final = ("gb18030", "cp932", "cp949")
_SHARED: Final = r"\x00-\u024f\u1e00-\u1eff\u2000-\u206f\u3000-\u303f\uff00-\uffef"  # Latin, marks, full-width forms
_EAST_ASIAN: Final = re.compile(
    "|".join(f"[{_SHARED}{script}]+" for script in (r"\u3040-\u30ff\u4e00-\u9fff", r"\uac00-\ud7a3", r"\u0e00-\u0e7f"))
)
_REPLACED: Final = "锟斤拷"  # U+FFFD twice, read as GBK
_QUOTES: Final = ("«»", "“”", "‘’", "‹›", "„“")
_TELLING: Final = 4  # letters; fewer may be bytes of another text by chance


def suspected(code_points: np.ndarray) -> np.ndarray:
    """Where two characters running could be bytes of one letter in UTF-8, bool[C]; false for the last character.

    Args:
        code_points: uint32[C].
    """
    leads, inner = _byte_tables()
    found = np.zeros(len(code_points), bool)
    found[:-1] = (leads[code_points[:-1]] & inner[code_points[1:]]) != 0
    return found


def misread(text: str) -> bool:
    """Whether a text makes sense only when its letters are taken as bytes and read again.

    Good text may look so by chance: capitals before a closing quote («AMANHÃ»). Reading that again leaves the
    opening quote alone, or a small letter behind capitals.
    """
    if _REPLACED in text or any(_reread(text, table) for table in (*_STRICT, *_TWO_BYTES)):
        return True
    again = ftfy.fix_encoding(text)
    return again != text and not (_unquoted(text, again) or _shouted(again) > _shouted(text))


def _reread(text: str, table: str) -> bool:
    """Whether the bytes of a text are another one in UTF-8; by an East Asian table, one in one of the scripts there."""
    if sum(not letter.isascii() for letter in text) < _TELLING:
        return False
    try:
        again = text.encode(table).decode("utf-8")
    except UnicodeError:
        return False
    return table in _STRICT or _EAST_ASIAN.fullmatch(again) is not None


def _unquoted(text: str, again: str) -> bool:
    return any(
        text.count(left) == text.count(right) and again.count(right) < again.count(left) for left, right in _QUOTES
    )


def _shouted(text: str) -> int:
    """Small letters that end a word of capitals."""
    return sum(len(word) > 2 and word[:-1].isupper() and word[-1].islower() for word in text.split())


@lru_cache(maxsize=1)
def _byte_tables() -> tuple[np.ndarray, np.ndarray]:
    """For each code point the tables, as bits, in which it begins or continues a letter of UTF-8, uint16[0x110000]."""
    leads, inner = np.zeros(0x110000, np.uint16), np.zeros(0x110000, np.uint16)
    for bit, table in enumerate((*_ONE_BYTE, *_TWO_BYTES)):
        width = 1 if table in _ONE_BYTE else 2
        for first in range(0x80, 0xF5):
            seconds = [b""] if width == 1 else [bytes([second]) for second in range(0x40, 0xFF)]
            for second in seconds:
                letter = codecs.decode(bytes([first]) + second, table, "ignore")
                if len(letter) != 1:
                    continue
                if first < 0xC0:
                    inner[ord(letter)] |= 1 << bit
                elif first >= 0xC2 and (width == 1 or (0xE0 <= first < 0xF0 and 0x80 <= second[0] < 0xC0)):
                    leads[ord(letter)] |= 1 << bit
    return leads, inner
