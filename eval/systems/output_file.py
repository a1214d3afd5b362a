"""Translations that were made elsewhere: a TSV, CSV, JSONL or Parquet file with a line per output.

Columns: `hypothesis`; `pair` (en-fr), or `source_lang` and `target_lang`; `row_id` of the test set, or `source` with
the text of the message. Other columns are ignored.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.testsets.testset import TestSet
from parley.languages.normalisation import normalised_text
from parley.languages.table import pair
from parley.pipeline.errors import InputError
from parley.reading.rows import Row, read_rows


class OutputFile:
    """Answers from a file, by message rather than by text: messages of one text may have different outputs."""

    def __init__(self, name: str, answers: Mapping[tuple[str, str], str]) -> None:
        """Answers by (direction, row id)."""
        self.name = name
        self._answers = answers

    @classmethod
    def load(cls, path: Path, testset: TestSet) -> "OutputFile":
        """Read the file. Outputs by text go to the messages of that text in turn; a single one to all of them.

        Raises:
            InputError: a file, line or column that cannot be used, or different outputs for one message.
        """
        same_text = {code: _same_text(testset, code) for code in testset.languages}
        answers: dict[tuple[str, str], str] = {}
        turns: Counter[tuple[str, str]] = Counter()
        alike: dict[tuple[str, str], Sequence[str]] = {}
        for where, row in read_rows(path, ("hypothesis",)):
            direction, hypothesis = _direction(row, where), row.get("hypothesis")
            if not isinstance(hypothesis, str):
                raise InputError(f"{where}: no hypothesis")
            messages = _messages(row, where, same_text.get(pair(direction)[0], {}))
            if not messages:  # one that the test set does not have is not asked for
                continue
            first = (direction, messages[0])
            message = messages[min(turns[first], len(messages) - 1)]
            if answers.setdefault((direction, message), hypothesis) != hypothesis:
                raise InputError(f"{where}: a second, different output of {direction} for message '{message}'")
            turns[first] += 1
            alike[first] = messages
        for first, messages in alike.items():
            for message in messages:
                answers.setdefault((first[0], message), answers[first])
        return cls(str(path), answers)

    def answers(self, directions: Sequence[str], row_ids: Sequence[str]) -> list[str]:
        """Look up [N] messages. Raises InputError when an output is missing."""
        found = [self._answers.get(key) for key in zip(directions, row_ids, strict=True)]
        if None in found:
            direction, row_id = directions[found.index(None)], row_ids[found.index(None)]
            known = ",".join(sorted({each for each, _ in self._answers}))
            hint = "" if direction in known.split(",") else f"; all that it has: pairs={known}"
            raise InputError(f"{self.name}: no output of {direction} for message '{row_id}'{hint}")
        return [answer for answer in found if answer is not None]

    def translate_many(self, texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
        """Refused: a file knows no other texts than those that it has outputs of. Raises InputError."""
        raise InputError(f"{self.name}: a file of outputs translates nothing else; auto_source_messages=0")


def _direction(row: Row, where: str) -> str:
    direction = row.get("pair") or f"{row.get('source_lang', '')}-{row.get('target_lang', '')}"
    try:
        pair(str(direction))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return str(direction)


def _messages(row: Row, where: str, same_text: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Ids of the messages that an output may be of: the one of its row id, else all of its text."""
    row_id, text = row.get("row_id"), row.get("source")
    if row_id is not None:
        return [str(row_id)]
    if not isinstance(text, str):
        raise InputError(f"{where}: neither row_id nor source says which message it is")
    return same_text.get(normalised_text(text), ())


def _same_text(testset: TestSet, code: str) -> dict[str, list[str]]:
    """Ids of the messages of each text in a language."""
    found: dict[str, list[str]] = defaultdict(list)
    for row_id, text in zip(testset.row_ids, testset.texts[code], strict=True):
        if text:
            found[text].append(row_id)
    return found
