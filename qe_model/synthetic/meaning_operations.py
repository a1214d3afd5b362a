"""Synthetic errors that change what is said: opposites, negation, numbers, names, units, terms, the wrong language."""

import random
import re
from collections.abc import Iterable
from typing import Final

from parley.languages.casing import begun
from parley.languages.words import spaced, words_of
from qe_model.annotations.annotation import Severity
from qe_model.synthetic.edits import Edit
from qe_model.synthetic.operations import Draft
from qe_model.synthetic.resources import word_lists

_NUMBER: Final = re.compile(r"\d+")
_FAR: Final = 2.0  # a number this many times too large or too small is critical


def antonym(draft: Draft, rng: random.Random) -> Edit | None:
    """Say the opposite with one word. Critical."""
    return _swapped(draft, rng, word_lists()[draft.target_lang].antonyms, "antonym", "critical")


def negation(draft: Draft, rng: random.Random) -> Edit | None:
    """Drop a negation. Critical."""
    return _swapped(draft, rng, word_lists()[draft.target_lang].negations, "negation", "critical")


def unit(draft: Draft, rng: random.Random) -> Edit | None:
    """Put minutes for seconds, gold for gems, Friday for Monday. Major."""
    groups = word_lists()[draft.target_lang].units
    swaps = [(one, other) for group in groups for one in group for other in group if one != other]
    return _swapped(draft, rng, swaps, "unit", "major")


def number(draft: Draft, rng: random.Random) -> Edit | None:
    """Change the digits of a number: critical when it becomes twice as large or half as large, else major."""
    found = list(_NUMBER.finditer(draft.target))
    if not found:
        return None
    match = rng.choice(found)
    digits = list(match.group())
    place = rng.randrange(len(digits))
    digits[place] = rng.choice([digit for digit in "123456789" if digit != digits[place]])
    if rng.random() < 0.2:
        digits.append("0")
    old, new = int(match.group()), int("".join(digits))
    severity: Severity = "critical" if max(old, new) >= _FAR * max(1, min(old, new)) else "major"
    return Edit(match.start(), match.end(), "".join(digits), "accuracy", "number", severity)


def name(draft: Draft, rng: random.Random) -> Edit | None:
    """Put another player's name. Major."""
    known = set(draft.lexicon.names)
    there = [(start, end) for start, end in words_of(draft.target) if draft.target[start:end] in known]
    if not there or len(known) < 2:
        return None
    start, end = rng.choice(there)
    other = rng.choice([other for other in draft.lexicon.names if other != draft.target[start:end]])
    return Edit(start, end, other, "accuracy", "name", "major")


def untranslated(draft: Draft, rng: random.Random) -> Edit | None:
    """Leave one to three words of the source in place of as many of the translation. Major."""
    words = [(start, end) for start, end in words_of(draft.source) if draft.source[start].isalpha()]
    run = draft.run(rng, longest=2)
    if not words or not run:
        return None
    first = rng.randrange(len(words))
    last = min(len(words) - 1, first + rng.randrange(3))
    copied = draft.source[words[first][0] : words[last][1]]
    if copied.lower() in draft.target.lower():
        return None
    return Edit(run[0].start, run[-1].end, copied, "accuracy", "untranslated", "major")


def wrong_language(draft: Draft, rng: random.Random) -> Edit | None:
    """Put the message in another language, or the source itself, in place of the translation. Critical."""
    others = [text for code, text in sorted(draft.others.items()) if code not in (draft.target_lang, draft.source_lang)]
    found = [text for text in [draft.source, *others] if text and text != draft.target]
    if not found or not draft.target:
        return None
    return Edit(0, len(draft.target), rng.choice(found), "accuracy", "wrong language", "critical")


def _swapped(
    draft: Draft, rng: random.Random, swaps: Iterable[tuple[str, str]], category: str, severity: Severity
) -> Edit | None:
    """One of the swaps whose first side stands in the translation; where only letters go, the gap is marked."""
    found = [(match, new) for old, new in swaps for match in _places(draft.target, old, draft.target_lang)]
    if not found:
        return None
    match, new = rng.choice(found)
    start, end = match.span()
    if not new:
        while end < len(draft.target) and draft.target[end] == " ":
            end += 1
        return Edit(start, end, "", "accuracy", category, severity)
    cased = begun(new, draft.target_lang) if match.group()[:1].isupper() else new
    return Edit(start, end, cased, "accuracy", category, severity)


def _places(text: str, piece: str, code: str) -> list[re.Match[str]]:
    """Where a word, or a piece of text in a script without spaces, stands; case is ignored."""
    if piece.lower() not in text.lower():
        return []
    pattern = rf"(?<!\w){re.escape(piece)}(?!\w)" if spaced(code) else re.escape(piece)
    return list(re.finditer(pattern, text, re.IGNORECASE))
