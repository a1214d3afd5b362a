"""Files of translations to score (TSV, JSONL, Parquet), and files of their scores."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from parley.pipeline.atomic import replacing
from parley.pipeline.errors import InputError
from parley.reading.rows import Row, read_rows
from qe_model.annotations.annotation import SEVERITY_LABELS, AnnotatedTranslation, ContextMessage, ErrorSpan
from qe_model.annotations.labels import SCORED_DIMENSIONS
from qe_model.scoring.scorer import QualityScore, QualityScorer, make_pair

FORMATS: Final = (".tsv", ".jsonl", ".parquet")
MAX_CHARACTERS: Final = 20_000  # of source or translation: what telling its spans costs grows faster than its length
_CHUNK: Final = 4096  # translations scored together: enough to fill batches of like length
_SPAN: Final = pa.struct(
    [(name, pa.int32()) for name in ("start", "end")]
    + [(name, pa.string()) for name in ("side", "severity", "dimension", "text")]
    + [("probability", pa.float32())]
)
_WORD: Final = pa.struct(
    [(name, pa.int32()) for name in ("start", "end")]
    + [(name, pa.string()) for name in ("severity", "dimension")]
    + [(name, pa.float32()) for name in SEVERITY_LABELS[1:]]
)
SCHEMA: Final = pa.schema(
    [("id", pa.string())]
    + [(name, pa.float32()) for name in ("score", "penalty", *SCORED_DIMENSIONS)]
    + [(name, pa.int32()) for name in SEVERITY_LABELS[1:]]
    + [("flags", pa.list_(pa.string())), ("spans", pa.list_(_SPAN)), ("words", pa.list_(_WORD))]
    + [("gaps", pa.list_(pa.float32()))]
)


def read_pairs(file: Path, source_lang: str = "", target_lang: str = "") -> Iterator[AnnotatedTranslation]:
    """Rows with `source` and `target`; optional `id`, `context`, `context_translations` (lists, in TSV as JSON).

    Languages come from the arguments, or from the columns `source_lang` and `target_lang` (or `src_lang`, `tgt_lang`).

    Raises:
        InputError: an unknown form of file, a column missing, a row without language, or whose text is none or longer
            than `MAX_CHARACTERS`; the row is named.
    """
    for number, (name, row) in enumerate(read_rows(file, ("source", "target")), 1):
        for column in ("source", "target"):
            if not isinstance(row[column], str):
                raise InputError(f"{name}: '{column}' is {row[column]!r}, not a text")
            if len(row[column]) > MAX_CHARACTERS:
                raise InputError(
                    f"{name}: '{column}' is longer than {MAX_CHARACTERS:,} characters, the most there may be"
                )
        languages = source_lang or _language(row, "source_lang", "src_lang", name)
        into = target_lang or _language(row, "target_lang", "tgt_lang", name)
        texts = _list(row, "context", name)
        known = _list(row, "context_translations", name) or [None] * len(texts)
        if len(known) != len(texts):
            raise InputError(f"{name}: {len(texts)} earlier messages but {len(known)} translations of them")
        yield make_pair(
            languages,
            into,
            row["source"],
            row["target"],
            tuple(map(ContextMessage, texts, known)),
            str(row.get("id") or f"{file.name} row {number}"),
        )


def score_file(scorer: QualityScorer, pairs: Iterable[AnnotatedTranslation], out: Path) -> int:
    """Score translations into a file, whole or not at all; says how many there were.

    Raises:
        InputError: an unknown form of file, no row, a full disk.
    """
    if out.suffix not in FORMATS:
        raise InputError(f"{out}: the form is told by the ending: one of {', '.join(FORMATS)}")
    rows, count = iter(pairs), 0
    with replacing(out) as temporary:
        writer = _Writer(temporary, out.suffix)
        while chunk := list(islice(rows, _CHUNK)):
            writer.write([record(one, said) for one, said in zip(chunk, scorer.score(chunk, "scoring"), strict=True)])
            count += len(chunk)
        if not count:
            raise InputError("no translation to score: the input has no rows")
        writer.close()
    return count


def record(one: AnnotatedTranslation, said: QualityScore) -> dict[str, Any]:
    """A score as plain JSON values."""
    probabilities = said.probabilities
    bad = 1 - probabilities.gaps[:, 0]
    dimension = probabilities.target_dimension.argmax(-1)
    words = [
        {
            "start": start,
            "end": end,
            "severity": SEVERITY_LABELS[said.words.severity[place]],
            "dimension": SCORED_DIMENSIONS[dimension[place]] if said.words.severity[place] else None,
            **{name: round(float(p), 4) for name, p in zip(SEVERITY_LABELS[1:], levels[1:], strict=True)},
        }
        for place, ((start, end), levels) in enumerate(
            zip(probabilities.target_words, probabilities.target, strict=True)
        )
    ]
    return {
        "id": one.id,
        "score": round(said.score, 3),
        "penalty": round(said.penalty, 4),
        **{name: round(points, 4) for name, points in said.dimensions.items()},
        **said.errors(),
        "flags": list(said.flags),
        "spans": [_span(one, said, span) for span in said.spans],
        "words": words,
        "gaps": [round(float(p), 4) for p in bad],
    }


class _Writer:
    """Writes records as they come."""

    def __init__(self, path: Path, form: str) -> None:
        self.path, self.form = path, form
        self._parquet = pq.ParquetWriter(path, SCHEMA, compression="zstd") if form == ".parquet" else None
        if form == ".tsv":
            path.write_text("\t".join(SCHEMA.names) + "\n", encoding="utf-8")

    def write(self, records: Sequence[dict[str, Any]]) -> None:
        if self._parquet:
            self._parquet.write_table(pa.Table.from_pylist(list(records), schema=SCHEMA))
            return
        line = _tsv_line if self.form == ".tsv" else _json
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(line(one) + "\n" for one in records)

    def close(self) -> None:
        if self._parquet:
            self._parquet.close()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _tsv_line(one: dict[str, Any]) -> str:
    cells = (_json(value) if isinstance(value, list) else str(value) for value in one.values())
    return "\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in cells)


def _span(one: AnnotatedTranslation, said: QualityScore, span: ErrorSpan) -> dict[str, Any]:
    """A span with its text and the mean probability that its words are bad."""
    side = "source" if span.side == "source" else "gaps" if span.is_point else "target"
    words = said.probabilities.source_words if side == "source" else said.probabilities.target_words
    table = getattr(said.probabilities, side)
    if side == "gaps":
        starts = [start for start, _ in words]
        chosen = [starts.index(span.start) if span.start in starts else len(words)]
    else:
        chosen = [place for place, (start, end) in enumerate(words) if start < span.end and end > span.start]
    probability = float(1 - table[chosen, 0].mean())
    place = {"start": span.start, "end": span.end, "side": span.side}
    kinds = {"severity": span.severity, "dimension": span.dimension, "text": one.text(span.side)[span.start : span.end]}
    return {**place, **kinds, "probability": round(probability, 4)}


def _language(row: Row, *rest: str) -> str:
    *columns, name = rest
    for column in columns:
        if row.get(column):
            return str(row[column])
    key = columns[0]
    raise InputError(f"{name}: no language: give {key}=... or a column '{key}'")


def _list(row: Row, column: str, name: str) -> list[Any]:
    value = row.get(column) or []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InputError(f"{name}: '{column}' is not a JSON list") from error
    if not isinstance(value, list) or not all(isinstance(text, str | None) for text in value):
        raise InputError(f"{name}: '{column}' is not a list of texts")
    return value
