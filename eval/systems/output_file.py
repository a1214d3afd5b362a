"""Translations that were made elsewhere: a TSV, CSV, JSONL or Parquet file with a line per output.

Columns: `hypothesis`; `pair` (en-fr), or `source_lang` and `target_lang`; `row_id` of the test set, or `source` with
the very text of the message. Other columns are ignored.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.testsets.testset import TestSet
from parley.languages.table import AUTO, pair
from parley.pipeline.errors import InputError
from parley.reading.rows import Row, read_rows


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
        place = {row_id: row for row, row_id in enumerate(testset.row_ids)}
        answers: dict[tuple[str, str], str] = {}
        for where, row in read_rows(path, ("hypothesis",)):
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
