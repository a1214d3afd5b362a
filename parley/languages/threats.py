"""Words of threats and insults, by language: what no translation may bring in by itself."""

import re
from functools import cache
from pathlib import Path

from parley.languages.table import AUTO
from parley.languages.words import spaced


def threatens(text: str, code: str = AUTO) -> bool:
    """Whether a text has such a word of a language; `auto`: of any."""
    patterns = _patterns()
    return any(patterns[each].search(text) for each in (patterns if code == AUTO else [code]) if each in patterns)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """By language; `kill*` in the table stands for all words that begin so."""
    lines = Path(__file__).with_suffix(".tsv").read_text(encoding="utf-8").splitlines()
    rows = dict(line.split("\t", 1) for line in lines)
    return {code: re.compile("|".join(_forms(words.split(), code)), re.IGNORECASE) for code, words in rows.items()}


def _forms(words: list[str], code: str) -> list[str]:
    if not spaced(code):
        return [re.escape(word) for word in words]
    return [rf"\b{re.escape(word.removesuffix('*'))}" + ("" if word.endswith("*") else r"\b") for word in words]
