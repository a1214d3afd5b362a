"""Small letters and capitals by the rule of the language: Turkish tells i from ı. Unknown languages have none."""

from typing import Final

from parley.languages.table import LANGUAGES

_TURKIC_LOWER: Final = str.maketrans({"I": "ı", "İ": "i"})
_TURKIC_UPPER: Final = str.maketrans({"i": "İ", "ı": "I"})
_DOTTED: Final = "i\u0307"  # what Unicode makes of İ where no Turkish rule holds: a dot that nobody typed


def lower(text: str, code: str) -> str:
    """The text in small letters."""
    return (text.translate(_TURKIC_LOWER) if _turkic(code) else text).lower().replace(_DOTTED, "i")


def upper(text: str, code: str) -> str:
    """The text in capitals."""
    return (text.translate(_TURKIC_UPPER) if _turkic(code) else text).upper()


def begun(text: str, code: str) -> str:
    """The text with its first character as a capital."""
    return upper(text[:1], code) + text[1:]


def _turkic(code: str) -> bool:
    return code in LANGUAGES and LANGUAGES[code].casing == "turkic"
