"""Edits of a good translation, and the text and error spans that they leave."""

from collections.abc import Iterable
from dataclasses import dataclass

from parley.languages.words import Interval
from qe_model.annotations.annotation import Dimension, ErrorSpan, Severity


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` to `end` of the translation become `replacement`.

    Attributes:
        mark: the wrong part within the replacement; None: all of it but spaces around. An empty part is an insertion
            point: something is missing there.
    """

    start: int
    end: int
    replacement: str
    dimension: Dimension
    category: str
    severity: Severity
    mark: Interval | None = None


def apply_edits(text: str, edits: Iterable[Edit]) -> tuple[str, tuple[ErrorSpan, ...]]:
    """Make the edits that do not meet an earlier one of the list, and mark them.

    Returns:
        The changed text, and a span for each edit that was made, in the order of the text.
    """
    pieces: list[str] = []
    spans: list[ErrorSpan] = []
    reached = length = 0
    for edit in sorted(compatible(edits), key=lambda edit: edit.start):
        pieces += [text[reached : edit.start], edit.replacement]
        length += edit.start - reached
        start, end = _marked(edit)
        spans.append(
            ErrorSpan(
                length + start, length + end, "target", dimension=edit.dimension, category=edit.category,
                severity=edit.severity,
            )
        )  # fmt: skip
        length += len(edit.replacement)
        reached = edit.end
    return "".join([*pieces, text[reached:]]), tuple(spans)


def compatible(edits: Iterable[Edit]) -> list[Edit]:
    """Edits that keep at least one character between each other, the first ones first."""
    kept: list[Edit] = []
    for edit in edits:
        if all(edit.end < other.start or other.end < edit.start for other in kept):
            kept.append(edit)
    return kept


def _marked(edit: Edit) -> Interval:
    if edit.mark is not None:
        return edit.mark
    bare = edit.replacement.strip()
    start = len(edit.replacement) - len(edit.replacement.lstrip()) if bare else len(edit.replacement)
    return start, start + len(bare)
