"""Words of a text in any language, spaces or not."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from parley.languages.table import LANGUAGES

Interval = tuple[int, int]  # [start, end) in characters


def spaced(code: str) -> bool:
    """Whether a language puts spaces between words; languages that are not in the table are taken to."""
    return code not in LANGUAGES or LANGUAGES[code].spaced


def words_of(text: str) -> tuple[Interval, ...]:
    """The words of a text in any of the languages, as character intervals.

    Runs of letters (inner ' and - kept), numbers, and marks one by one (equal ones together). Where a script has no
    spaces: single Han characters, runs of hiragana or katakana, Thai character clusters.
    """
    return tuple(match.span() for match in _word_pattern().finditer(text))


@lru_cache
def _word_pattern() -> re.Pattern[str]:
    marks = _ranges(code for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
    thai = "\u0e01-\u0e4e"
    han = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    hiragana, katakana = "\u3041-\u309f", "\u30a0-\u30ff\u31f0-\u31ff\uff66-\uff9f"
    letter = rf"(?:(?![{thai}{han}{hiragana}{katakana}\d])[\w{marks}])"
    emoji = "[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]"
    return re.compile(
        rf"\d+(?:[.,:]\d+)*"
        rf"|[\u0e40-\u0e44]?[\u0e01-\u0e2f][\u0e30-\u0e3a\u0e45\u0e47-\u0e4e]*|[{thai}]"
        rf"|[{han}]|[{hiragana}]+|[{katakana}]+"
        rf"|{letter}(?:{letter}|\d|[’'\-](?={letter}))*"
        rf"|[\U0001f1e6-\U0001f1ff]{{2}}|([^\w\s])(?:{emoji}+(?:(?<=\u200d)[^\w\s])?|\1)*"
        rf"|\S"
    )


def _ranges(codes: Iterable[int]) -> str:
    """Regular-expression ranges of ascending code points."""
    found: list[list[int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in found)
