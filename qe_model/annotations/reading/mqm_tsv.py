"""MQM tables as Google publishes them: one line per error, the span between `<v>` and `</v>` in source or target."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import SEVERITIES, UNPLACED, AnnotatedTranslation, ErrorSpan, penalty
from qe_model.annotations.reading.dimensions import dimension_of
from qe_model.annotations.reading.rows import Row, read_rows

_COLUMNS: Final = ("system", "doc", "rater", "source", "target", "category", "severity")
_MARKS: Final = re.compile(r"</?v>")
_NO_ERROR: Final = frozenset({"no-error", "no error", "hotw-test", "neutral", ""})


def read_mqm_tsv(file: Path) -> Iterator[AnnotatedTranslation]:
    """One translation for each text, with the spans of all raters.

    The languages are in columns `source_lang` and `target_lang`, or in the file's name (`..._ende.tsv`,
    `..._en-de.tsv`). Lines with severity "no-error" and "neutral" mark that the rater found nothing.

    Raises:
        InputError: a column missing, marks that do not pair up, an unknown severity; the message names the row.
    """
    groups: dict[tuple[str, ...], list[tuple[str, Row]]] = defaultdict(list)
    for name, row in read_rows(file, _COLUMNS):
        segment = str(row.get("seg_id") or row.get("globalSegId") or "")
        plain = tuple(_MARKS.sub("", row[side]) for side in ("source", "target"))
        groups[(row["system"], row["doc"], segment, *plain)].append((name, row))
    named = _languages_of_name(file)
    for (system, document, segment, source, target), rows in groups.items():
        first_name, first = rows[0]
        languages = (first["source_lang"], first["target_lang"]) if "source_lang" in first else named
        if languages is None:
            raise InputError(
                f"{first_name}: no columns source_lang and target_lang, and no languages in the file's name"
            )
        spans = tuple(span for name, row in rows for span in _spans(name, row))
        raters = tuple(dict.fromkeys(row["rater"] for _, row in rows))
        yield AnnotatedTranslation(
            id=f"{file.stem}:{'-'.join(languages)}:{system}:{document}:{segment}",
            document=document,
            system=system,
            source_lang=languages[0],
            target_lang=languages[1],
            source=source,
            target=target,
            spans=spans,
            raters=raters,
            score=-penalty(spans, len(raters)),
            score_kind="mqm",
        )


def _spans(name: str, row: Row) -> Iterator[ErrorSpan]:
    severity = row["severity"].strip().lower()
    if severity in _NO_ERROR:
        return
    if severity not in SEVERITIES:
        raise InputError(f"{name}: severity is '{row['severity']}': it must be one of {' '.join(SEVERITIES)} no-error")
    kind = {"category": row["category"], "rater": row["rater"], "dimension": dimension_of(row["category"])}
    places = [(side, *place) for side in ("target", "source") for place in marked(row[side], name)]
    for side, start, end in places or [("target", UNPLACED, UNPLACED)]:
        yield ErrorSpan(start, end, side=side, severity=severity, **kind)  # type: ignore[arg-type]


def marked(text: str, name: str = "text") -> list[tuple[int, int]]:
    """Pieces between `<v>` and `</v>`, in characters of the text without marks.

    Raises:
        InputError: a mark without its partner.
    """
    pieces, opened, removed = [], None, 0
    for match in _MARKS.finditer(text):
        place = match.start() - removed
        removed += len(match.group())
        opening = match.group() == "<v>"
        if opening == (opened is not None):
            raise InputError(f"{name}: <v> and </v> do not pair up")
        if opened is not None:
            pieces.append((opened, place))
        opened = place if opening else None
    if opened is not None:
        raise InputError(f"{name}: <v> without </v>")
    return pieces


def _languages_of_name(file: Path) -> tuple[str, str] | None:
    match = re.search(r"(?:^|[_.])([a-z]{2})-?([a-z]{2})(?=[_.]|$)", file.stem)
    return (match[1], match[2]) if match else None
