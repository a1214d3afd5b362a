"""How Pearmut shows texts and counts places in them.

It counts UTF-16 units, the last one of a span included; a place behind the text is its button for what is missing. What
looks like some HTML tags is HTML to it, in any text.
"""

import re
from typing import Any, Final

from parley.metrics.message_quality import SEVERITIES

Json = dict[str, Any]
_HTML: Final = re.compile(r"<(?=/?(?:br|strong|b|i|p|em|h[123])>|(?:audio|video|img|iframe) )")
_SAFE: Final = "＜"  # as long as what it stands for, so that places stay
UNPLACED: Final = -1  # start and end of an error that has no place in the text


def shown(text: str) -> str:
    """The text without what Pearmut would run or hide."""
    return _HTML.sub(_SAFE, text)


def to_pearmut(text: str, span: Json) -> Json:
    """An error of `text` (`start`, `end` in characters, `severity`); something missing loses its place."""
    end = _units(text)
    missing = span["start"] == span["end"]
    start_i, end_i = (end, end) if missing else (_units(text[: span["start"]]), _units(text[: span["end"]]) - 1)
    return {"start_i": start_i, "end_i": end_i, "severity": span["severity"], "category": None}


def from_pearmut(text: str, span: Json) -> Json:
    """The error with `start` and `end` in characters, both `UNPLACED` where something is missing.

    Raises:
        ValueError: it does not lie in the text, or has no severity.
    """
    first, last, units = span.get("start_i"), span.get("end_i"), _units(text)
    if span.get("severity") not in SEVERITIES:
        raise ValueError(f"severity {span.get('severity')}")
    if first == last == units:
        return {"start": UNPLACED, "end": UNPLACED, "severity": span["severity"]}
    if not (type(first) is type(last) is int and 0 <= first <= last < units):
        raise ValueError(f"a span from {first} to {last} outside its text of {units}")
    return {"start": _characters(text, first), "end": _characters(text, last, 1), "severity": span["severity"]}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _characters(text: str, unit: int, whole: int = 0) -> int:
    """Characters before a unit; `whole`: and the one that holds it."""
    return len(text.encode("utf-16-le")[: 2 * unit].decode("utf-16-le", "ignore")) + whole
