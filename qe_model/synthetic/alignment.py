"""Errors of a real translation, found by laying it beside references.

A reference is one good translation of many, so what differs is not always wrong: of several references the nearest is
taken, and the caller should keep outputs that are near one.
"""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Final, Literal

from parley.languages.words import words_of
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import AnnotatedTranslation, Dimension, ErrorSpan, Known, Severity, penalty
from qe_model.synthetic.resources import word_lists

Tag = Literal["replace", "delete", "insert", "equal"]
_ALIKE: Final = 0.6  # of the letters shared: another form of the same word
_UNRELATED: Final = 0.15  # of the words shared: the whole message is wrong
_KNOWN: Final[frozenset[Known]] = frozenset({"severity", "dimension", "gaps"})


def errors_against(hypothesis: str, references: Sequence[str], target_lang: str = "") -> tuple[ErrorSpan, ...]:
    """Spans of the hypothesis that differ from the nearest reference, by edit distance over words.

    Severity rule: minor, another form of the word, its case, or marks; major, other words, words too many or missing;
    critical, a number or a negation that differs, or a message that shares hardly a word.

    Raises:
        InputError: no reference.
    """
    if not references:
        raise InputError("errors_against needs at least one reference")
    words = words_of(hypothesis)
    pieces = [hypothesis[start:end] for start, end in words]
    if not pieces:
        missing = any(reference.strip() for reference in references)
        return (ErrorSpan(0, 0, dimension="accuracy", category="omission", severity="critical"),) if missing else ()
    candidates = [[text[start:end] for start, end in words_of(text)] for text in references]
    matchers = [SequenceMatcher(None, [p.lower() for p in pieces], [r.lower() for r in c], False) for c in candidates]
    nearest = max(range(len(matchers)), key=lambda i: matchers[i].ratio())
    if matchers[nearest].ratio() < _UNRELATED:
        whole = (words[0][0], words[-1][1])
        return (ErrorSpan(*whole, dimension="accuracy", category="unrelated", severity="critical"),)
    found = []
    for tag, i1, i2, j1, j2 in matchers[nearest].get_opcodes():
        ours, theirs = pieces[i1:i2], candidates[nearest][j1:j2]
        judged = _judge(tag, ours, theirs, target_lang)
        if judged:
            start = words[i1][0] if i1 < len(words) else words[-1][1]
            found.append(replace(judged, start=start, end=words[i2 - 1][1] if i2 > i1 else start))
    return tuple(found)


def from_model(
    translation: AnnotatedTranslation, references: Sequence[str], closest: float = 0.4
) -> AnnotatedTranslation | None:
    """A model's translation with the errors that its references show; None when it is too far from all of them.

    Args:
        translation: without spans; its system names the model.
        closest: share of words in common with the nearest reference that is needed.
    """
    words = [translation.target[start:end].lower() for start, end in words_of(translation.target)]
    ratios = [
        SequenceMatcher(None, words, [text[start:end].lower() for start, end in words_of(text)], False).ratio()
        for text in references
    ]
    if max(ratios, default=0.0) < closest:
        return None
    spans = errors_against(translation.target, references, translation.target_lang)
    nearest = references[ratios.index(max(ratios))]
    return replace(
        translation, spans=spans, known=_KNOWN, score=-penalty(spans), score_kind="mqm", origin="model",
        reference=nearest,
    )  # fmt: skip


def _judge(tag: str, ours: Sequence[str], theirs: Sequence[str], code: str) -> ErrorSpan | None:
    """Severity, dimension and category of one difference, without its place."""
    if tag == "equal":
        return None
    if not any(word[0].isalnum() for word in [*ours, *theirs]):
        return _error("fluency", "punctuation", "minor")
    severity: Severity = "critical" if _turns(ours, theirs, code) else "major"
    if tag == "delete":
        return _error("accuracy", "addition", severity)
    if tag == "insert":
        return _error("accuracy", "omission", severity)
    if severity == "major" and SequenceMatcher(None, " ".join(ours), " ".join(theirs), False).ratio() >= _ALIKE:
        return _error("fluency", "word form", "minor")
    return _error("accuracy", "mistranslation", severity)


def _error(dimension: Dimension, category: str, severity: Severity) -> ErrorSpan:
    return ErrorSpan(0, 0, dimension=dimension, category=category, severity=severity)


def _turns(ours: Sequence[str], theirs: Sequence[str], code: str) -> bool:
    """Whether a number differs, or only one side has a negation."""
    numbers = [sorted(word for word in side if word[0].isdigit()) for side in (ours, theirs)]
    negations = {old.lower() for old, _ in word_lists()[code].negations} if code in word_lists() else set()
    negated = [any(word.lower() in negations for word in side) for side in (ours, theirs)]
    return numbers[0] != numbers[1] or negated[0] != negated[1]
