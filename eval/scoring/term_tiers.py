"""Which terms a translation has, and how exactly: each stretch of it counts for one term only.

annotated   the form that the reference has
glossary    or the form of the dictionary
inflected   or any form that the glossary knows
lemma       or a word that begins as one of them does, as inflected words do
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from parley.glossary.glossary import standing
from parley.languages.casing import lower
from parley.languages.table import LANGUAGES
from parley.languages.words import Interval, words_of

TIERS: Final = ("annotated", "glossary", "inflected", "lemma")
_STEM: Final = 0.6  # of a form's characters that a word of the same lemma begins with, at least


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a translation should hold.

    Attributes:
        annotated: the form of the reference.
        forms: of the glossary, that of the dictionary first.
    """

    annotated: str
    forms: tuple[str, ...] = ()


def tiers_of(translation: str, wanted: Sequence[Wanted], code: str) -> list[str | None]:
    """The best tier that each wanted term is found in, one by one; None for those that are not there."""
    text = lower(translation, code)
    found: list[str | None] = [None] * len(wanted)
    taken: list[Interval] = []
    for tier in TIERS:
        for place, one in enumerate(wanted):
            spans = _spans(text, one, code, tier) if found[place] is None else iter(())
            span = next((s for s in spans if all(s[1] <= t[0] or t[1] <= s[0] for t in taken)), None)
            if span is not None:
                found[place] = tier
                taken.append(span)
    return found


def _spans(text: str, wanted: Wanted, code: str, tier: str) -> Iterator[Interval]:
    """Where a term stands in a tier."""
    forms = {"annotated": (wanted.annotated,), "glossary": wanted.forms[:1]}.get(tier, wanted.forms)
    for form in filter(None, (lower(form, code) for form in forms)):
        if tier == "lemma":
            stem = form[: max(LANGUAGES[code].shortest_stem, round(_STEM * len(form)))]
            yield from (span for span in words_of(text) if text.startswith(stem, span[0]) and len(form) > 1)
        else:
            yield from (match.span() for match in standing(re.escape(form), code).finditer(text))
