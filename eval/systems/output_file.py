"""Translations that were made elsewhere: a TSV, JSONL or Parquet file with a line per output.

Columns: `hypothesis`; `pair` (en-fr), or `source_lang` and `target_lang`; `row_id` of the test set, or `source` with
the very text of the message. Other columns are ignored.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.testsets.testset import TestSet
from parley.languages.table import AUTO, pair
from parley.pipeline.errors import InputError
from parley.pipeline.json_lines import json_object

Row = Mapping[str, Any]


class OutputFile:
    """Answers from a file. Of two outputs for one source text in one direction the first is taken."""

    def __init__(self, name: str, answers: Mapping[tuple[str, str], str]) -> None:
        """Answers by (direction, source text)."""
        self.name = name
        self._answers = answers

    @classmethod
    def load(cls, path: Path, testset: TestSet) -> "OutputFile":
        """Read the file.

        Raises:
            InputError: a file, line or column that cannot be used.
        """
        readers = {".tsv": _tsv, ".jsonl": _jsonl, ".parquet": _parquet}
        if path.suffix not in readers:
            raise InputError(f"{path}: a file of outputs is one of {', '.join(readers)}")
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        place = {row_id: row for row, row_id in enumerate(testset.row_ids)}
        answers: dict[tuple[str, str], str] = {}
        for number, row in readers[path.suffix](path):
            where = f"{path}, line {number}"
            direction, text = _direction(row, where), row.get("source")
            if row.get("row_id") is not None:
                text = _source(testset, place, direction, str(row["row_id"]))
            if not isinstance(text, str) and "row_id" not in row:
                raise InputError(f"{where}: neither row_id nor source says which message it is")
            if not isinstance(row.get("hypothesis"), str):
                raise InputError(f"{where}: no hypothesis")
            if isinstance(text, str):  # a message that the test set does not have is not asked for
                answers.setdefault((direction, text), str(row["hypothesis"]))
        return cls(str(path), answers)

    def translate_many(self, texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
        """Look up [N] texts.

        Raises:
            InputError: an output is missing, or the source language is not told: the file does not know such outputs.
        """
        if AUTO in sources:
            raise InputError(f"{self.name}: outputs without a told source language are unknown; auto_source_messages=0")
        found = []
        for text, source, target in zip(texts, sources, targets, strict=True):
            answer = self._answers.get((f"{source}-{target}", text))
            if answer is None:
                raise InputError(f"{self.name}: no output of {source}-{target} for '{text[:60]}'")
            found.append(answer)
        return found


def _direction(row: Row, where: str) -> str:
    direction = row.get("pair") or f"{row.get('source_lang', '')}-{row.get('target_lang', '')}"
    try:
        pair(str(direction))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return str(direction)


def _source(testset: TestSet, place: Mapping[str, int], direction: str, row_id: str) -> str | None:
    """The source text of a message; None where the test set has none of that id."""
    texts = testset.texts.get(pair(direction)[0])
    return texts[place[row_id]] if texts is not None and row_id in place else None


def _tsv(path: Path) -> Iterable[tuple[int, Row]]:
    header: list[str] = []
    for number, line in _lines(path):
        fields = line.split("\t")
        if not header:
            header = fields
            if "hypothesis" not in header:
                raise InputError(f"{path}: no column 'hypothesis'; columns are {', '.join(header)}")
        elif len(fields) != len(header):
            raise InputError(f"{path}, line {number}: {len(fields)} fields, the header has {len(header)}")
        else:
            yield number, dict(zip(header, fields, strict=True))


def _jsonl(path: Path) -> Iterable[tuple[int, Row]]:
    for number, line in _lines(path):
        yield number, json_object(line, f"{path}, line {number}")


def _parquet(path: Path) -> Iterable[tuple[int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(enumerate(pq.read_table(path).to_pylist(), 1))
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from error


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise InputError(f"{path}, line {number}: not valid UTF-8") from error
            if text.strip():
                yield number, text
