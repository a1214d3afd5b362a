"""What must stand in a translation as it stands in the source: put right where the model wrote it wrong.

A small model knows that a handle stands there and misspells it. Numbers are the model's: 5 pm is 17 h in French.
"""

from collections import Counter
from typing import Final

from parley.languages.fixed_spans import KINDS, FixedSpan, fixed_spans

_KINDS: Final = tuple(kind for kind in KINDS if kind != "numbers")


def with_copies(source: str, translation: str) -> str:
    """The translation with the source's URLs, handles, placeholders, emoji ...

    One that the source lacks becomes the missing one of its kind, in order; what is still missing is put in front where
    the source begins with it, else behind. What is blank stays blank.
    """
    if not translation:
        return translation
    wanted, found = ([span for span in fixed_spans(text) if span.kind in _KINDS] for text in (source, translation))
    missing, wrong = _beyond(wanted, found), _beyond(found, wanted)
    if not missing:
        return translation
    end, parts = 0, []
    for span in wrong:
        right = next((one for one in missing if one.kind == span.kind), None)
        if right:
            missing.remove(right)
            parts += [translation[end : span.start], right.text]
            end = span.end
    said = "".join([*parts, translation[end:]])
    front = [span.text for span in missing if not source[: span.start].strip()]
    behind = [span.text for span in missing if source[: span.start].strip()]
    return " ".join(" ".join([*front, said, *behind]).split())


def _beyond(spans: list[FixedSpan], others: list[FixedSpan]) -> list[FixedSpan]:
    """Those that have no equal among the others, in order."""
    left = Counter((span.kind, span.key) for span in others)
    found = []
    for span in spans:
        left[span.kind, span.key] -= 1
        if left[span.kind, span.key] < 0:
            found.append(span)
    return found
