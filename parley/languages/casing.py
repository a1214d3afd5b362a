"""Small letters and capitals by the rule of the language: Turkish tells i from ı."""

from typing import Final

_TURKIC: Final = ("tr",)
_LOWER: Final = str.maketrans({"I": "ı", "İ": "i"})
_UPPER: Final = str.maketrans({"i": "İ", "ı": "I"})


def lower(text: str, code: str) -> str:
    """The text in small letters."""
    return (text.translate(_LOWER) if code in _TURKIC else text).lower()


def upper(text: str, code: str) -> str:
    """The text in capitals."""
    return (text.translate(_UPPER) if code in _TURKIC else text).upper()
