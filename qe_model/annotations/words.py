"""Error spans to labels of words and back, for words of any tokenizer.

N words of a text have N + 1 gaps; gap i is in front of word i.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from parley.languages.words import Interval, words_of
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import (
    DIMENSION_LABELS,
    SEVERITIES,
    SEVERITY_LABELS,
    AnnotatedTranslation,
    ErrorSpan,
    Side,
    WordLabels,
)

_SAME_MARKS: Final = (('"', "``", "''", "“", "”", "„", "«", "»"), ("'", "’", "‘", "`"), ("...", "…"), ("-", "–", "—"))


def words_of_tokens(text: str, tokens: Sequence[str], row: str = "") -> tuple[Interval, ...]:
    """Find a tokenized form of the text in the text, token by token.

    Escapes (`&quot;`) and rewritten quotes, dashes and dots are understood.

    Raises:
        InputError: a token is not where it must be; the message names `row` and the token.
    """
    words, place = [], 0
    for number, token in enumerate(tokens):
        while place < len(text) and text[place].isspace():
            place += 1
        length = _match_length(text, place, token)
        if length == 0:
            raise InputError(f"{row or 'tokens'}: token {number} '{token}' is not in the text at character {place}")
        words.append((place, place + length))
        place += length
    if text[place:].strip():
        raise InputError(f"{row or 'tokens'}: the text goes on after its {len(tokens)} tokens, at character {place}")
    return tuple(words)


def touched_words(interval: Interval, words: Sequence[Interval]) -> range:
    """Words that a span of characters touches; a point strictly within a word touches that word.

    An empty range `range(gap, gap)` where it touches none: then it lies in that gap.
    """
    start, end = interval
    first = bisect_right(words, start, key=lambda word: word[1])  # first word that ends after the start
    last = bisect_left(words, end, key=lambda word: word[0])  # first word that starts at the end or later
    return range(first, max(first, last))


def word_labels(spans: Iterable[ErrorSpan], words: Sequence[Interval], side: Side = "target") -> WordLabels:
    """Worst severity, and its dimension, per word and gap; unplaced spans and those of the other side are left out."""
    size = len(words)
    severity, dimension = [0] * size, [0] * size
    gaps, gap_dimension = [0] * (size + 1), [0] * (size + 1)
    for span in spans:
        if not span.placed or span.side != side:
            continue
        found = touched_words((span.start, span.end), words)
        level, kind = SEVERITY_LABELS.index(span.severity), DIMENSION_LABELS.index(span.dimension)
        if found:
            _worsen(severity, dimension, found, level, kind)
        else:
            _worsen(gaps, gap_dimension, range(found.start, found.start + 1), level, kind)
    return WordLabels(tuple(words), tuple(severity), tuple(dimension), tuple(gaps), tuple(gap_dimension))


def labels_to_spans(labels: WordLabels, side: Side = "target") -> tuple[ErrorSpan, ...]:
    """Neighbouring words of one severity and dimension as one span, gaps as points; in the order of the text."""
    spans = []
    for first, last in _runs(labels.severity, labels.dimension):
        start, end = labels.words[first][0], labels.words[last - 1][1]
        spans.append(_span((start, end), labels.severity[first], labels.dimension[first], side))
    for gap, level in enumerate(labels.gaps):
        if level:
            place = labels.words[gap][0] if gap < len(labels.words) else labels.words[-1][1] if labels.words else 0
            spans.append(_span((place, place), level, labels.gap_dimension[gap], side))
    return tuple(sorted(spans, key=lambda span: (span.start, span.end)))


def words_of_side(translation: AnnotatedTranslation, side: Side = "target") -> tuple[Interval, ...]:
    """The annotators' own words where they are known, else `words_of` the text."""
    known = translation.target_words if side == "target" else translation.source_words
    return words_of(translation.text(side)) if known is None else known


def _worsen(levels: list[int], kinds: list[int], places: range, level: int, kind: int) -> None:
    for place in places:
        if level > levels[place]:
            levels[place], kinds[place] = level, kind


def _runs(severity: Sequence[int], dimension: Sequence[int]) -> list[Interval]:
    """Longest runs [first, last) of bad words with one severity and dimension."""
    runs, first = [], 0
    for place in range(1, len(severity) + 1):
        here = (severity[first], dimension[first])
        if place < len(severity) and (severity[place], dimension[place]) == here:
            continue
        if severity[first]:
            runs.append((first, place))
        first = place
    return runs


def _span(interval: Interval, level: int, kind: int, side: Side) -> ErrorSpan:
    dimension = DIMENSION_LABELS[kind] if kind else "other"
    return ErrorSpan(*interval, side=side, dimension=dimension, severity=SEVERITIES[level - 1])  # type: ignore[arg-type]


def _match_length(text: str, place: int, token: str) -> int:
    """Characters of the text that the token stands for; 0 when it is not there."""
    plain = token.replace("&quot;", '"').replace("&apos;", "'").replace("&lt;", "<").replace("&gt;", ">")
    plain = plain.replace("&#91;", "[").replace("&#93;", "]").replace("&#124;", "|").replace("&amp;", "&")
    forms = [token, plain, escape(plain), *(mark for marks in _SAME_MARKS if plain in marks for mark in marks)]
    return max((len(form) for form in forms if form and text.startswith(form, place)), default=0)
