"""OK/BAD word tags from post-edits (MLQE-PE, WMT22): runs of BAD words become spans, BAD gaps become points."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from parley.languages.words import Interval
from parley.pipeline.errors import InputError
from parley.reading.rows import Row, read_rows
from qe_model.annotations.annotation import AnnotatedTranslation, ErrorSpan, Known, Side
from qe_model.annotations.reading.registry import READERS
from qe_model.annotations.words import words_of_tokens

_COLUMNS: Final = ("src_lang", "tgt_lang", "source", "target", "target_tok", "target_tags")
_RATER: Final = "post-edit"
_TAGS: Final = frozenset({"OK", "BAD"})


@READERS.register("word_tags")
def read_word_tags(file: Path) -> Iterator[AnnotatedTranslation]:
    """One translation per row. Severity and dimension are not known; spans carry the stand-ins "major" and "other".

    A text that its tokens do not spell is replaced by the tokens joined with spaces.

    Raises:
        InputError: a column missing, or tags that do not match their tokens; the message names the row.
    """
    for number, (name, row) in enumerate(read_rows(file, _COLUMNS)):
        yield _translation(f"{file.stem}:{row['src_lang']}-{row['tgt_lang']}:{number}", name, row)


def _translation(row_id: str, name: str, row: Row) -> AnnotatedTranslation:
    target, target_words = _text_and_words(row["target"], row["target_tok"])
    source, source_words = _text_and_words(row["source"], row.get("source_tok") or row["source"])
    spans = [*_word_spans(name, row["target_tags"], target_words, "target")]
    known: set[Known] = set()
    if row.get("source_tags"):
        known.add("source")
        spans += _word_spans(name, row["source_tags"], source_words, "source")
    if row.get("gap_tags"):
        known.add("gaps")
        spans += _gap_spans(name, row["gap_tags"], target_words, len(target))
    if row.get("end_tag") == "BAD":
        spans.append(_bad(len(target), len(target), "target"))
    return AnnotatedTranslation(
        id=row_id,
        document=row.get("doc") or row_id,
        system=row.get("dataset") or "",
        source_lang=row["src_lang"],
        target_lang=row["tgt_lang"],
        source=source,
        target=target,
        spans=tuple(spans),
        raters=(_RATER,),
        known=frozenset(known),
        source_words=source_words,
        target_words=target_words,
        split=row.get("split") or "",
        domain=row.get("dataset") or "",
    )


def _text_and_words(text: str, tokenized: str) -> tuple[str, tuple[Interval, ...]]:
    tokens = tokenized.split()
    try:
        return text, words_of_tokens(text, tokens)
    except InputError:
        joined = " ".join(tokens)
        return joined, words_of_tokens(joined, tokens)


def _word_spans(name: str, tags: Sequence[str], words: Sequence[Interval], side: Side) -> Iterator[ErrorSpan]:
    _check(name, f"{side} tags", tags, len(words))
    start = None
    for position, tag in enumerate([*tags, "OK"]):
        if tag == "BAD" and start is None:
            start = words[position][0]
        elif tag == "OK" and start is not None:
            yield _bad(start, words[position - 1][1], side)
            start = None


def _gap_spans(name: str, tags: Sequence[str], words: Sequence[Interval], length: int) -> Iterator[ErrorSpan]:
    _check(name, "gap tags", tags, len(words) + 1)
    for gap, tag in enumerate(tags):
        if tag == "BAD":
            place = words[gap][0] if gap < len(words) else length
            yield _bad(place, place, "target")


def _bad(start: int, end: int, side: Side) -> ErrorSpan:
    return ErrorSpan(start, end, side=side, category="BAD", rater=_RATER)


def _check(name: str, what: str, tags: Sequence[str], expected: int) -> None:
    if len(tags) != expected:
        raise InputError(f"{name}: {len(tags)} {what} where {expected} are needed")
    wrong = set(tags) - _TAGS
    if wrong:
        raise InputError(f"{name}: {what} may be OK or BAD, not {' '.join(sorted(map(str, wrong)))}")
