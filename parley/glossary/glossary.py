"""Terms by language, found in texts whatever their case: whole words where a language has spaces, the longest first."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from parley.glossary.hints import Hint
from parley.languages.casing import lower
from parley.languages.identification import LanguageIdentifier
from parley.languages.table import AUTO, CODES, LANGUAGES
from parley.languages.words import Interval
from parley.pipeline.errors import InputError

MOST_HINTS: Final = 8  # in a message
_WORD: Final = (r"(?<!\w)", r"(?!\w)")  # what may not stand before and behind a term
_GLUED: Final = (r"(?<!\w)", "")  # Korean particles
_RUN: Final = ("(?<![a-zA-Z])", "(?![a-zA-Z\u0e30-\u0e3a\u0e47-\u0e4e])")  # no letters of a script, no Thai marks


@dataclass(frozen=True, slots=True)
class Term:
    """One term.

    Attributes:
        key: its id.
        forms: by language the form of the dictionary, then variants and inflected forms.
    """

    key: str
    forms: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Found:
    """A term in a text."""

    span: Interval
    term: Term


class Glossary:
    """Terms that are found in texts.

    Attributes:
        terms: all of them.
        languages: those that any term has.
    """

    def __init__(self, terms: Sequence[Term], name: str = "the glossary") -> None:
        """Keep the terms; `name` is for errors."""
        self.terms, self._name = tuple(terms), name
        held = {code for term in terms for code in term.forms}
        self.languages = [code for code in CODES if code in held]
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Term]]] = {}

    @cached_property
    def _identifier(self) -> LanguageIdentifier:
        return LanguageIdentifier(self.languages)

    def check(self, *codes: str) -> None:
        """Look whether it has terms in languages.

        Raises:
            InputError: a language without one.
        """
        if missing := [code for code in codes if code not in self.languages]:
            raise InputError(f"{self._name}: no terms in '{missing[0]}'; it has {' '.join(self.languages)}")

    def find(self, text: str, code: str) -> list[Found]:
        """The terms in a text of a language, from left to right; none overlaps another."""
        if code not in self.languages:
            return []
        pattern, terms = self._pattern(code)
        return [Found(match.span(), terms[match.group()]) for match in pattern.finditer(lower(text, code))]

    def hints(self, text: str, source: str, target: str) -> tuple[Hint, ...]:
        """Hints for the terms of a text that the glossary has in the target language, up to `MOST_HINTS`.

        Args:
            source: the text's language; `auto`: the likeliest one of the glossary.
        """
        code = self._identifier.identify([text])[0] if source == AUTO else source
        found = [one for one in self.find(text, code) if target in one.term.forms and code != target]
        return tuple(Hint(one.span[1], text[slice(*one.span)], one.term.forms[target][0]) for one in found[:MOST_HINTS])

    def _pattern(self, code: str) -> tuple[re.Pattern[str], dict[str, Term]]:
        if code not in self._patterns:
            terms: dict[str, Term] = {}
            for form, term in self._forms(code):
                terms.setdefault(lower(form, code), term)
            choice = "|".join(map(re.escape, sorted(terms, key=lambda form: (-len(form), form))))
            self._patterns[code] = standing(choice, code), terms
        return self._patterns[code]

    def _forms(self, code: str) -> Iterator[tuple[str, Term]]:
        """The forms of the dictionary, then all others: of two equal ones the first counts."""
        held = [(term.forms[code], term) for term in self.terms if code in term.forms]
        yield from ((forms[0], term) for forms, term in held)
        yield from ((form, term) for forms, term in held for form in forms[1:])


def standing(choice: str, code: str) -> re.Pattern[str]:
    """A pattern where it is a word of its own, or a part of a text whose language puts no spaces between words."""
    before, behind = _GLUED if LANGUAGES[code].script == "Hang" else _WORD if LANGUAGES[code].spaced else _RUN
    return re.compile(f"{before}(?:{choice}){behind}")
