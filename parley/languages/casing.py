"""Small letters and capitals by the rule of the language: Turkish tells i from ı."""

from typing import Final

from parley.languages.table import LANGUAGES

_TURKIC_LOWER: Final = str.maketrans({"I": "ı", "İ": "i"})
_TURKIC_UPPER: Final = str.maketrans({"i": "İ", "ı": "I"})


def lower(text: str, code: str) -> str:
    """The text in small letters."""
    return (text.translate(_TURKIC_LOWER) if LANGUAGES[code].casing == "turkic" else text).lower()


def upper(text: str, code: str) -> str:
    """The text in capitals."""
    return (text.translate(_TURKIC_UPPER) if LANGUAGES[code].casing == "turkic" else text).upper()
