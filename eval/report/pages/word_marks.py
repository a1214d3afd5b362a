"""Texts as escaped HTML with marks: words that another text lacks, or spans of errors."""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from markupsafe import Markup, escape

from parley.languages.table import LANGUAGES

MIN_EQUAL: Final = 3  # letters in a row that count as the same where words have no spaces
_SPACED = re.compile(r"\s+|[^\W_]+(?:['’][^\W_]+)*|.", re.DOTALL)
_UNSPACED = re.compile(r"\s+|[A-Za-z0-9]+|.", re.DOTALL)


def marked(text: str, other: str, code: str, tag: str = "mark") -> Markup:
    """`text` with the words that differ from `other` inside `tag`; letters in languages without spaces.

    Args:
        code: language of both texts.
        tag: element around each run of different words.
    """
    spaced = LANGUAGES[code].spaced
    pattern = _SPACED if spaced else _UNSPACED
    mine, theirs = pattern.findall(text), pattern.findall(other)
    found = Markup()
    for changed, start, end in _runs(mine, theirs, 1 if spaced else MIN_EQUAL):
        run = escape("".join(mine[start:end]))
        found += Markup("<{0}>{1}</{0}>").format(Markup(tag), run) if changed and run.strip() else run
    return found


def spans_marked(text: str, spans: Sequence[Mapping[str, Any]], style: str = "") -> Markup:
    """`text` with error spans marked; a span without length shows that something is missing there.

    Args:
        spans: `start` and `end` in characters, `severity`, and perhaps `dimension`.
        style: class of all marks; empty for that of the severity.
    """
    found, done = Markup(), 0
    for span in sorted(spans, key=lambda span: (span["start"], span["end"])):
        start, end = max(done, span["start"]), min(len(text), span["end"])
        if span["start"] > len(text) or (start >= end and span["start"] != span["end"]):
            continue
        title = ", ".join(filter(None, (span["severity"], span.get("dimension"))))
        found += escape(text[done:start])
        mark = Markup('<mark class="{}" title="{}">{}</mark>')
        found += mark.format(style or span["severity"], title, text[start:end] or "∅")
        done = max(done, end)
    return found + escape(text[done:])


def _runs(mine: list[str], theirs: list[str], least: int) -> list[tuple[bool, int, int]]:
    """Stretches of `mine` as (differs, start, end); equal ones of fewer than `least` tokens join a difference."""
    runs: list[tuple[bool, int, int]] = []
    for kind, start, end, _, _ in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        short = kind == "equal" and end - start < least and start > 0 and end < len(mine)
        changed = kind != "equal" or short
        if start == end:
            continue
        if runs and runs[-1][0] == changed:
            runs[-1] = (changed, runs[-1][1], end)
        else:
            runs.append((changed, start, end))
    return runs
