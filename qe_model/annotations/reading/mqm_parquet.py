"""MQM tables in Parquet: one row is one rater's spans of one translation."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from parley.pipeline.errors import InputError
from parley.reading.rows import Row, read_rows
from qe_model.annotations.annotation import AnnotatedTranslation, ContextMessage, ErrorSpan, Known
from qe_model.annotations.reading.dimensions import dimension_of
from qe_model.annotations.reading.registry import READERS

_COLUMNS: Final = ("src_lang", "tgt_lang", "system", "doc", "seg_id", "rater", "source", "target", "spans", "split")
_CATEGORISED: Final = 0.5  # of a direction's spans have a category: its annotators named dimensions


@READERS.register("campaign")  # what scripts/campaign.py reads back
@READERS.register("mqm_parquet")
def read_mqm_parquet(file: Path) -> Iterator[AnnotatedTranslation]:
    """One translation for each text that raters saw, with the spans of all of them.

    Remarks ("neutral") are left out.

    Raises:
        InputError: a column missing, or a span that does not fit its text; the message names the row.
    """
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for name, row in read_rows(file, _COLUMNS):
        row["name"] = name
        key = ("src_lang", "tgt_lang", "system", "doc", "seg_id", "source", "target")
        groups[tuple(row[column] for column in key)].append(row)
    known = _known_by_direction(groups.values())
    versions: dict[str, int] = defaultdict(int)
    for rows in groups.values():
        first = rows[0]
        base = f"{file.stem}:{first['src_lang']}-{first['tgt_lang']}:{first['system']}:{first['doc']}:{first['seg_id']}"
        versions[base] += 1
        row_id = base if versions[base] == 1 else f"{base}:{versions[base]}"
        yield _translation(row_id, rows, known[first["src_lang"], first["tgt_lang"]])


def _translation(row_id: str, rows: Sequence[Row], known: frozenset[Known]) -> AnnotatedTranslation:
    first = rows[0]
    spans = tuple(span for row in rows for span in _spans(row))
    try:
        return AnnotatedTranslation(
            id=row_id,
            document=first["doc"],
            system=first["system"],
            source_lang=first["src_lang"],
            target_lang=first["tgt_lang"],
            source=first["source"],
            target=first["target"],
            context=_context(first),
            spans=spans,
            raters=tuple(dict.fromkeys(row["rater"] for row in rows)),
            known=known,
            origin="synthetic" if first["rater"] == "synthetic" else "human",
            split=first["split"],
            domain=first.get("domain") or "",
        )
    except InputError as error:
        raise InputError(f"{first['name']}: {error}") from error


def _spans(row: Row) -> Iterator[ErrorSpan]:
    for span in row["spans"]:
        if span["severity"] == "neutral":
            continue
        try:
            yield ErrorSpan(
                start=span["start"],
                end=span["end"],
                side=span["side"],
                dimension=dimension_of(span["category"], span["dimension"]),
                category=span["category"],
                severity=span["severity"],
                rater=row["rater"],
            )
        except InputError as error:
            raise InputError(f"{row['name']}: {error}") from error


def _context(row: Row) -> tuple[ContextMessage, ...]:
    texts = row.get("context_prev") or []
    translations = row.get("context_prev_target") or [None] * len(texts)
    if len(texts) != len(translations):
        raise InputError(f"{row['name']}: {len(texts)} context messages, {len(translations)} translations of them")
    return tuple(map(ContextMessage, texts, translations))


def _known_by_direction(groups: Any) -> Mapping[tuple[str, str], frozenset[Known]]:
    """What the annotators of each direction noted, seen from their spans."""
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in (row for rows in groups for row in rows):
        count = counts[row["src_lang"], row["tgt_lang"]]
        for span in row["spans"]:
            if span["severity"] == "neutral":
                continue
            count["spans"] += 1
            count["categorised"] += bool(span["category"])
            count["gaps"] += 0 <= span["start"] == span["end"]
            count["source"] += span["side"] == "source"
    return {direction: frozenset(_noted(count)) for direction, count in counts.items()}


def _noted(count: Mapping[str, int]) -> Iterator[Known]:
    yield "severity"
    if count["categorised"] > _CATEGORISED * count["spans"]:
        yield "dimension"
    if count["gaps"]:
        yield "gaps"
    if count["source"]:
        yield "source"
