"""Keyboards: which key lies beside which, by the language that is typed."""

from functools import cache
from typing import Final

_QWERTY: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LAYOUTS: Final = {
    "es": ("qwertyuiop", "asdfghjklñ", "zxcvbnm"),
    "fr": ("azertyuiop", "qsdfghjklm", "wxcvbn"),
    "de": ("qwertzuiopü", "asdfghjklöä", "yxcvbnm"),
    "tr": ("qwertyuıopğü", "asdfghjklşi", "zxcvbnmöç"),
    "ru": ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    "th": ("ๅ/-ภถุึคตจขช", "ๆไำพะัีรนยบล", "ฟหกดเ้่าสวง", "ผปแอิืทมใฝ"),  # Kedmanee
    "ko": ("ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ"),  # 2-beolsik
}
_FIRST: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"  # consonants that begin a syllable, in the order of Unicode
_VOWELS: Final = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_SYLLABLES: Final = 0xAC00
_LAST: Final = 28  # consonants that end a syllable, none among them


def beside(letter: str, code: str) -> list[str]:
    """What a finger that misses the key of a letter types, in a language; nothing for letters without a key.

    A Hangul syllable has its first consonant or its vowel changed for one that lies beside it.
    """
    if "가" <= letter <= "힣":
        return _syllables_beside(ord(letter) - _SYLLABLES)
    near = _neighbours(code).get(letter.lower()) or _neighbours("").get(letter.lower(), "")
    return list(near.upper() if letter.isupper() and code != "tr" else near)


def _syllables_beside(place: int) -> list[str]:
    rest, last = divmod(place, _LAST)
    first, vowel = divmod(rest, len(_VOWELS))
    near = _neighbours("ko")
    typed = [(_FIRST.index(key), vowel) for key in near.get(_FIRST[first], "") if key in _FIRST]
    typed += [(first, _VOWELS.index(key)) for key in near.get(_VOWELS[vowel], "") if key in _VOWELS]
    return [chr(_SYLLABLES + (one * len(_VOWELS) + other) * _LAST + last) for one, other in typed]


@cache
def _neighbours(code: str) -> dict[str, str]:
    """By key: those left and right of it, and the two in the row above and below, which are set off by half a key."""
    rows = _LAYOUTS.get(code, _QWERTY)
    keys = {(row, column): key for row, line in enumerate(rows) for column, key in enumerate(line)}
    steps = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    return {
        key: "".join(keys.get((row + down, column + right), "") for down, right in steps)
        for (row, column), key in keys.items()
    }
