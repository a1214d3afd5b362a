"""The short messages that a system must get through without harm: at least forty in each language."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from eval.testsets.testset import TestSet
from parley.languages.table import pair

TARGETS: Final = 3  # languages that each message is translated into; all come in their turn
_ALL: Final = "all"  # in place of a language: for each of them


def short_messages(languages: Sequence[str]) -> TestSet:
    """The inputs of the languages, a row each, with their kind as domain; no row has text in two languages."""
    rows = [(code, kind, text) for code in languages for of, kind, text in _inputs() if of in (code, _ALL)]
    texts: dict[str, list[str | None]] = {
        code: [text if mine == code else None for mine, _, text in rows] for code in languages
    }
    numbers = [f"{code}-{number}" for number, (code, *_) in enumerate(rows)]
    return TestSet("short messages", numbers, [kind for _, kind, _ in rows], texts)


def into_some(messages: TestSet, directions: Iterable[str]) -> dict[str, list[int]]:
    """Rows by direction: each message in `TARGETS` of its language's directions."""
    found: dict[str, list[int]] = {direction: [] for direction in directions}
    for code in messages.languages:
        mine = [direction for direction in found if pair(direction)[0] == code]
        rows = [row for row, text in enumerate(messages.texts[code]) if text]
        for place, row in enumerate(rows if mine else ()):
            turns = (mine[(place * TARGETS + step) % len(mine)] for step in range(min(TARGETS, len(mine))))
            for direction in turns:
                found[direction].append(row)
    return {direction: rows for direction, rows in found.items() if rows}


def _inputs() -> Iterator[tuple[str, str, str]]:
    """(language or `all`, kind, text)."""
    for line in Path(__file__).with_name("inputs.tsv").read_text(encoding="utf-8").splitlines():
        of, kind, texts = line.split("\t")
        yield from ((of, kind, text) for text in texts.split(" | "))
