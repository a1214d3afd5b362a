"""Loops: a thing said four times running, the usual way in which a decoder gets stuck."""

import re
from typing import Final

_LOOP: Final = re.compile(r"(.{2,}?)\1{3,}", re.DOTALL)


def loops(text: str) -> bool:
    """Whether a text says anything of two characters or more four times running."""
    # A loop of four repeats at least three 4-grams; checking that first spares the slow pattern for nearly all texts.
    spaced = f"{text} "  # the last repeat of a word loop may end the text
    grams = len(spaced) - 3
    return len({spaced[i : i + 4] for i in range(grams)}) <= grams - 3 and bool(_LOOP.search(spaced))


def without_loops(output: str, source: str) -> str:
    """An output whose loops say their thing once; as it is where the source loops too ("hahahaha")."""
    if not loops(output) or loops(source):
        return output
    return _LOOP.sub(r"\1", f"{output} ").strip()
