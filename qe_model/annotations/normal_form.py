"""Texts of people in the one normal form, that of corpora and vocabularies, and the way back to what they wrote.

Words, tags and spans are then the same however a text was typed: decomposed letters, zero-width spaces, and so on.
"""

from dataclasses import dataclass, replace

import numpy as np

from parley.languages.normalisation import normalised_text, normaliser
from parley.languages.words import Interval
from qe_model.annotations.annotation import (
    SIDES,
    UNPLACED,
    AnnotatedTranslation,
    ContextMessage,
    ErrorSpan,
)
from qe_model.arrays import Ints


@dataclass(frozen=True)
class NormalText:
    """A text in the normal form.

    Attributes:
        raw, text: as written, and normalised; N characters.
        starts: [N + 1] where each character of `text` begins in `raw`, and the end of `raw`; rising. What is not seen
            belongs to the character in front of it.
    """

    raw: str
    text: str
    starts: Ints

    @classmethod
    def of(cls, raw: str) -> "NormalText":
        """Normalise a text."""
        if normalised_text(raw) == raw:
            return cls(raw, raw, np.arange(len(raw) + 1))
        from tokenizers import PreTokenizedString, Regex

        pieces = PreTokenizedString(raw)
        pieces.normalize(normaliser().normalize)
        pieces.split(lambda _, text: text.split(Regex(r"[\s\S]"), "isolated"))
        found = pieces.get_splits("original", "char")
        starts = np.array([*(place for _, (place, _), _ in found), len(raw)])
        return cls(raw, "".join(text for text, *_ in found), np.maximum.accumulate(starts))

    def written(self, interval: Interval) -> Interval:
        """Where characters of the normalised text stand as written, without what is not seen behind them."""
        start, end = (int(self.starts[place]) for place in interval)
        while end - start > 1 and normalised_text(self.raw[start : end - 1]) == normalised_text(self.raw[start:end]):
            end -= 1
        return start, end

    def normal(self, interval: Interval) -> Interval:
        """Where characters as written stand in the normalised text; an empty interval if nothing of them is seen."""
        start, end = interval
        if start == end:
            place = int(np.searchsorted(self.starts[:-1], start))
            return place, place
        first = int(np.searchsorted(self.starts[1:], start, "right"))
        return first, max(first, int(np.searchsorted(self.starts[:-1], end)))


def in_normal_form(translation: AnnotatedTranslation) -> AnnotatedTranslation:
    """The same with normalised texts, its words and spans with them; a marked piece that is not seen has no place."""
    texts = {side: NormalText.of(translation.text(side)) for side in SIDES}
    context = tuple(
        ContextMessage(normalised_text(one.text), one.translation and normalised_text(one.translation))
        for one in translation.context
    )
    if all(text.raw == text.text for text in texts.values()):
        return replace(translation, context=context)
    return replace(
        translation,
        source=texts["source"].text,
        target=texts["target"].text,
        context=context,
        spans=tuple(_span(span, texts[span.side]) for span in translation.spans),
        source_words=_words(translation.source_words, texts["source"]),
        target_words=_words(translation.target_words, texts["target"]),
    )


def _span(span: ErrorSpan, text: NormalText) -> ErrorSpan:
    if not span.placed:
        return span
    start, end = text.normal((span.start, span.end))
    seen = end > start or span.is_point
    return replace(span, start=start, end=end) if seen else replace(span, start=UNPLACED, end=UNPLACED)


def _words(words: tuple[Interval, ...] | None, text: NormalText) -> tuple[Interval, ...] | None:
    """Words that are seen; each begins where those before it have ended."""
    if words is None:
        return None
    kept: list[Interval] = []
    for start, end in map(text.normal, words):
        if end > start >= (kept[-1][1] if kept else 0):
            kept.append((start, end))
    return tuple(kept)
