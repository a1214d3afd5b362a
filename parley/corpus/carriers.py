"""Sentences of the demo corpus that a word of any kind fits into: they carry terms in training and in tests."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from parley.corpus.demo import load_phrases
from parley.glossary.glossary import Term

TRAINED: Final = ("events.winner_is", "lobby.name_missing", "lobby.new_host")
HELD_OUT: Final = "greetings.call_me"  # of what terms are measured in; training has it with names alone
_NAME: Final = "{name}"


@cache
def _sentences() -> Mapping[str, Mapping[str, str]]:
    return {phrase.key: phrase.texts for phrase in load_phrases() if phrase.key in (*TRAINED, HELD_OUT)}


def carried(term: Term, carrier: str) -> dict[str, str]:
    """A term in a sentence, in every language that has both."""
    sentence = _sentences()[carrier]
    return {code: sentence[code].replace(_NAME, forms[0]) for code, forms in term.forms.items() if code in sentence}
