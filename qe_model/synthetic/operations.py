"""Synthetic errors that any text allows: left out, added, replaced, moved, misspelled and repeated words.

An operation takes a `Draft` and random numbers and gives one edit with its severity, or None where it does not apply.
Severity rules: minor, the meaning stays; major, part of the meaning is lost or wrong; critical, the message says
something else or nothing at all.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from parley.languages.casing import begun, lower
from parley.languages.words import spaced
from qe_model.annotations.annotation import Severity
from qe_model.synthetic.edits import Edit
from qe_model.synthetic.lexicon import Lexicon, TextUnit, units_of
from qe_model.synthetic.resources import word_lists

_LONG_LOSS: Final = 0.5  # of the message's words lost: nothing of it arrives
_MANY: Final = 4  # repetitions from which on a message cannot be read


@dataclass(frozen=True)
class Draft:
    """A good translation that errors are about to be put in.

    Attributes:
        others: the same message in other languages, for text in the wrong language.
    """

    source: str
    target: str
    source_lang: str
    target_lang: str
    lexicon: Lexicon
    others: Mapping[str, str] = field(default_factory=dict)

    def units(self, rng: random.Random) -> list[TextUnit]:
        """Words of the translation, or pieces of it where there are no spaces."""
        return units_of(self.target, self.target_lang, rng)

    def run(self, rng: random.Random, longest: int = 3) -> list[TextUnit]:
        """One to `longest` neighbouring units; empty when there are none."""
        units = self.units(rng)
        if not units:
            return []
        first = rng.randrange(len(units))
        return units[first : first + rng.randint(1, longest)]

    @property
    def space(self) -> str:
        """What stands between words of the target language."""
        return " " if spaced(self.target_lang) else ""


def omission(draft: Draft, rng: random.Random) -> Edit | None:
    """Leave out one to three neighbouring words: minor if frequent ones, critical with a negation or half of all."""
    units, run = draft.units(rng), draft.run(rng)
    if len(units) < 2 or not run or len(run) >= len(units):
        return None
    start, end = run[0].start, run[-1].end
    severity: Severity = "major" if draft.lexicon.is_content(draft.target[start:end]) else "minor"
    lost = sum(unit.end - unit.start for unit in run) / sum(unit.end - unit.start for unit in units)
    if lost > _LONG_LOSS or _negates(run, draft.target_lang):
        severity = "critical"
    while end < len(draft.target) and draft.target[end] == " ":  # one of the two spaces around it goes too
        end += 1
    if end == len(draft.target):
        start = len(draft.target[:start].rstrip())
    return Edit(start, end, "", "accuracy", "omission", severity)


def addition(draft: Draft, rng: random.Random) -> Edit | None:
    """Put in words of another message: minor for one frequent word, else major."""
    units, other = draft.units(rng), rng.choice(draft.lexicon.messages)
    foreign = units_of(other, draft.target_lang, rng)
    if not units or not foreign or other == draft.target:
        return None
    first = rng.randrange(len(foreign))
    run = foreign[first : first + rng.randint(1, 3)]
    words = other[run[0].start : run[-1].end]
    if words.lower() in draft.target.lower():
        return None
    severity: Severity = "major" if draft.lexicon.is_content(words) else "minor"
    place = rng.choice(units).start
    return Edit(place, place, words + draft.space, "accuracy", "addition", severity)


def mistranslation(draft: Draft, rng: random.Random) -> Edit | None:
    """Put a random other word of the language in place of one: major, or minor between two frequent words."""
    units = draft.units(rng)
    if not units:
        return None
    unit = rng.choice(units)
    if spaced(draft.target_lang):
        pool = draft.lexicon.content or list(draft.lexicon.words)
        other = pool[int(len(pool) * rng.random() ** 2)] if pool else ""
    else:
        foreign = units_of(rng.choice(draft.lexicon.messages), draft.target_lang, rng)
        other = rng.choice(foreign).text if foreign else ""
    if not other or other.lower() == unit.text.lower():
        return None
    both = draft.lexicon.is_content(unit.text) or draft.lexicon.is_content(other)
    return _replaced(draft, unit, other, "mistranslation", "major" if both else "minor")


def slot_swap(draft: Draft, rng: random.Random) -> Edit | None:
    """Put in a word that the corpus shows between the same two words: reads well, says something else. Major."""
    words = units_of(draft.target, draft.target_lang)
    pieces = [draft.target[unit.start : unit.end] for unit in words]
    order = list(range(len(words)))
    rng.shuffle(order)
    for position in order:
        before = pieces[position - 1] if position else ""
        after = pieces[position + 1] if position + 1 < len(pieces) else _mark_after(draft.target, words[position])
        found = draft.lexicon.same_slot(before, pieces[position], after)
        if found:
            return _replaced(draft, words[position], rng.choice(found), "mistranslation/same slot", "major")
    return None


def sentence_swap(draft: Draft, rng: random.Random) -> Edit | None:
    """Put another message in place of the translation. Critical."""
    other = rng.choice(draft.lexicon.messages)
    if not draft.target or other == draft.target:
        return None
    return Edit(0, len(draft.target), other, "accuracy", "unrelated message", "critical")


def word_order(draft: Draft, rng: random.Random) -> Edit | None:
    """Let two neighbouring words change places. Minor."""
    units = draft.units(rng)
    if len(units) < 2:
        return None
    position = rng.randrange(len(units) - 1)
    first, second = units[position], units[position + 1]
    between = draft.target[first.end : second.start]
    if first.text.lower() == second.text.lower() or between.strip():
        return None
    moved = lower(first.text, draft.target_lang) if first.start == 0 else first.text
    swapped = _cased(second.text, first.text, draft.target_lang) + between + moved
    return Edit(first.start, second.end, swapped, "fluency", "word order", "minor")


def shuffle(draft: Draft, rng: random.Random) -> Edit | None:
    """Shuffle all words of a message of four or more. Major."""
    units = draft.units(rng)
    if len(units) < 4:
        return None
    mixed = [unit.text for unit in units]
    rng.shuffle(mixed)
    if mixed == [unit.text for unit in units]:
        return None
    replacement = draft.space.join(mixed)
    return Edit(units[0].start, units[-1].end, replacement, "fluency", "shuffled", "major")


def spelling(draft: Draft, rng: random.Random) -> Edit | None:
    """Drop, double or swap letters within a word. Minor."""
    shortest = 4 if spaced(draft.target_lang) else 2
    units = [unit for unit in draft.units(rng) if len(unit.text) >= shortest and unit.text.isalpha()]
    if not units:
        return None
    unit = rng.choice(units)
    place = rng.randrange(1, len(unit.text))
    text = unit.text
    changed = rng.choice(
        (
            text[:place] + text[place + 1 :],
            text[:place] + text[place - 1] + text[place:],
            text[: place - 1] + text[place] + text[place - 1] + text[place + 1 :],
        )
    )
    return None if changed == text else Edit(unit.start, unit.end, changed, "fluency", "spelling", "minor")


def inflection(draft: Draft, rng: random.Random) -> Edit | None:
    """Put another form of a word in its place: same beginning, other ending. Minor."""
    units = draft.units(rng)
    rng.shuffle(units)
    for unit in units:
        found = draft.lexicon.other_forms(unit.text)
        if found:
            return _replaced(draft, unit, rng.choice(found), "inflection", "minor", fluency=True)
    return None


def repetition(draft: Draft, rng: random.Random) -> Edit | None:
    """Say words again: once is minor, two or three times major, four or more times critical."""
    run = draft.run(rng)
    if not run:
        return None
    times = rng.choice((1, 1, 1, 2, 3, 5))
    words = draft.target[run[0].start : run[-1].end]
    severity: Severity = "minor" if times == 1 else "critical" if times >= _MANY else "major"
    return Edit(run[-1].end, run[-1].end, (draft.space + words) * times, "fluency", "repetition", severity)


def _replaced(
    draft: Draft, unit: TextUnit, other: str, category: str, severity: Severity, fluency: bool = False
) -> Edit:
    dimension = "fluency" if fluency else "accuracy"
    return Edit(unit.start, unit.end, _cased(other, unit.text, draft.target_lang), dimension, category, severity)  # type: ignore[arg-type]


def _negates(run: Iterable[TextUnit], code: str) -> bool:
    negations = {old.lower() for old, _ in word_lists()[code].negations}
    return any(unit.text.lower() in negations for unit in run)


def _cased(word: str, model: str, code: str) -> str:
    """The word with a first letter as large as the model's."""
    if model[:1].isupper():
        return begun(word, code)
    return word


def _mark_after(text: str, unit: TextUnit) -> str:
    """The punctuation mark behind the last word, which is its right neighbour in the lexicon."""
    rest = text[unit.end :].strip()
    return rest[:1]
