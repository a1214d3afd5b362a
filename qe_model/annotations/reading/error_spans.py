"""Error-span files: a row is a translation with its spans, as quality-estimation tasks and tools write them.

Columns `source`, `target`, `source_lang`, `target_lang`, and the spans in one of three ways:
- `spans` (or `error_spans`): a list of objects with start, end, severity and, as far as known, side, category and
  dimension (in TSV as JSON);
- `start_indices`, `end_indices`, `error_severities`: numbers and words separated by spaces, "-1 -1 no-error" for none.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.reading.rows import Row, read_rows
from qe_model.annotations.annotation import AnnotatedTranslation, ErrorSpan
from qe_model.annotations.reading.dimensions import dimension_of
from qe_model.annotations.reading.registry import READERS

_COLUMNS: Final = ("source", "target", "source_lang", "target_lang")
_TRIPLE: Final = ("start_indices", "end_indices", "error_severities")
_NONE: Final = frozenset({"no-error", "neutral"})


@READERS.register("error_spans")
def read_error_spans(file: Path) -> Iterator[AnnotatedTranslation]:
    """One translation per row; optional columns are id, document, system, rater, split, domain.

    Raises:
        InputError: a column missing, spans that cannot be read or do not fit the text; the message names the row.
    """
    for number, (name, row) in enumerate(read_rows(file, _COLUMNS), start=1):
        rater = str(row.get("rater") or "rater")
        try:
            yield _translation(str(row.get("id") or f"{file.stem}:{number}"), rater, row)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{name}: its spans cannot be read ({type(error).__name__}: {error})") from error
        except InputError as error:
            raise InputError(f"{name}: {error}") from error


def _translation(row_id: str, rater: str, row: Row) -> AnnotatedTranslation:
    return AnnotatedTranslation(
        id=row_id,
        document=str(row.get("document") or row_id),
        system=str(row.get("system") or ""),
        source_lang=row["source_lang"],
        target_lang=row["target_lang"],
        source=row["source"] or "",
        target=row["target"] or "",
        spans=tuple(_span(one, rater) for one in _objects(row) if one["severity"] not in _NONE),
        raters=(rater,),
        known=frozenset({"severity"}),
        split=row.get("split") or "",
        domain=row.get("domain") or "",
    )


def _objects(row: Row) -> list[dict[str, Any]]:
    if all(column in row for column in _TRIPLE):
        starts, ends, severities = (str(row[column]).split() for column in _TRIPLE)
        triples = zip(starts, ends, severities, strict=True)
        return [{"start": int(start), "end": int(end), "severity": severity} for start, end, severity in triples]
    found = row["spans"] if "spans" in row else row["error_spans"]
    spans = json.loads(found or "[]") if isinstance(found, str) else found
    return [{**span, "severity": str(span["severity"]).lower()} for span in spans]


def _span(span: dict[str, Any], rater: str) -> ErrorSpan:
    category = str(span.get("category") or "")
    return ErrorSpan(
        start=int(span["start"]),
        end=int(span["end"]),
        side=span.get("side") or "target",
        dimension=dimension_of(category, span.get("dimension") or ""),
        category=category,
        severity=span["severity"],
        rater=rater,
    )
