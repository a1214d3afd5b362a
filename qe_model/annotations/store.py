"""Annotated translations in Parquet: one schema for human, synthetic and model-made annotations."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import AnnotatedTranslation, ContextMessage, ErrorSpan

_text, _offset = pa.string(), pa.int32()
_WORDS: Final = pa.list_(pa.list_(_offset, 2))  # start and end of each
SCHEMA: Final = pa.schema(
    [
        ("id", _text),
        ("document", _text),
        ("system", _text),
        ("source_lang", _text),
        ("target_lang", _text),
        ("source", _text),
        ("target", _text),
        ("context", pa.list_(pa.struct([("text", _text), ("translation", _text)]))),
        (
            "spans",
            pa.list_(
                pa.struct(
                    [("start", _offset), ("end", _offset)]
                    + [(name, _text) for name in ("side", "dimension", "category", "severity", "rater")]
                )
            ),
        ),
        ("raters", pa.list_(_text)),
        ("known", pa.list_(_text)),
        ("origin", _text),
        ("source_words", _WORDS),
        ("target_words", _WORDS),
        ("split", _text),
        ("domain", _text),
        ("style", _text),
    ]
)
_ROWS_PER_GROUP: Final = 20_000


def write_annotations(path: Path, translations: Iterable[AnnotatedTranslation]) -> int:
    """Write them to one zstd Parquet file and say how many; equal input gives equal bytes."""
    rows, written = iter(translations), 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        while group := list(islice(rows, _ROWS_PER_GROUP)):
            writer.write_table(pa.Table.from_pylist([_row(one) for one in group], schema=SCHEMA))
            written += len(group)
    return written


def read_annotations(
    path: Path, keep: Callable[[AnnotatedTranslation], bool] = lambda _: True
) -> Iterator[AnnotatedTranslation]:
    """Read a file of `write_annotations`, or every such file of a folder in the order of names.

    Raises:
        InputError: no such file, a column missing, or a row whose spans do not fit its text; the message names it.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: no annotations (*.parquet) here")
    for file in files:
        yield from filter(keep, _read_file(file))


def read_split(folder: Path, split: str) -> list[AnnotatedTranslation]:
    """The annotated translations of a split.

    Raises:
        InputError: none there.
    """
    found = list(read_annotations(folder, lambda one: one.split == split))
    if not found:
        raise InputError(f"{folder}: no annotated translation in split '{split}'")
    return found


def counts_of(folder: Path) -> dict[str, dict[str, dict[str, int]]]:
    """How many annotated translations there are, by origin, direction and split, sorted; reads no texts."""
    columns = ["origin", "source_lang", "target_lang", "split"]
    counts: Counter[tuple[str, str, str]] = Counter()
    for file in folder.glob("*.parquet"):
        table = pq.read_table(file, columns=columns).group_by(columns).aggregate([([], "count_all")])
        for row in table.to_pylist():
            counts[row["origin"], f"{row['source_lang']}-{row['target_lang']}", row["split"]] += row["count_all"]
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for (origin, direction, split), count in sorted(counts.items()):
        nested.setdefault(origin, {}).setdefault(direction, {})[split] = count
    return nested


def _read_file(file: Path) -> Iterator[AnnotatedTranslation]:
    try:
        with pq.ParquetFile(file) as parquet:
            missing = [name for name in SCHEMA.names if name not in parquet.schema_arrow.names]
            if missing:
                raise InputError(f"{file}: no column {', '.join(missing)}")
            for batch in parquet.iter_batches(columns=SCHEMA.names, batch_size=_ROWS_PER_GROUP):
                yield from map(_translation, batch.to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{file}: {' '.join(str(error).split())}") from error
    except InputError as error:
        raise error if str(error).startswith(str(file)) else InputError(f"{file}: {error}") from error


def _row(one: AnnotatedTranslation) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in SCHEMA.names},
        "context": [asdict(message) for message in one.context],
        "spans": [asdict(span) for span in one.spans],
        "raters": list(one.raters),
        "known": sorted(one.known),
    }


def _translation(row: dict[str, Any]) -> AnnotatedTranslation:
    return AnnotatedTranslation(
        **{
            **row,
            "context": tuple(ContextMessage(**message) for message in row["context"]),
            "spans": tuple(_span(row["id"], span) for span in row["spans"]),
            "raters": tuple(row["raters"]),
            "known": frozenset(row["known"]),
            "source_words": _intervals(row["source_words"]),
            "target_words": _intervals(row["target_words"]),
        }
    )


def _span(row_id: str, span: dict[str, Any]) -> ErrorSpan:
    try:
        return ErrorSpan(**span)
    except InputError as error:
        raise InputError(f"{row_id}: {error}") from error


def _intervals(words: list[list[int]] | None) -> tuple[tuple[int, int], ...] | None:
    return None if words is None else tuple((start, end) for start, end in words)
