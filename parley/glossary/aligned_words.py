"""Words that translate each other in a text and its translation, told by the rows of a corpus that they stand in.

A word is the set of rows that hold it, one bit a row, so that a table of every language serves all directions. Two
words correspond when the Dice coefficient of their rows is high and neither has an equal rival in its message; words
side by side that stand in the same rows count as one.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from parley.languages.casing import lower
from parley.languages.words import Interval, words_of

SAMPLE_ROWS: Final = 4000  # that a table is made of
_FEWEST: Final = 3  # rows of a word: with fewer, any two words of a row look like translations
_LEAST: Final = 0.6  # Dice coefficient of words that correspond
_LONGEST: Final = 3  # words that count as one
Unit = tuple[Interval, int]  # a stretch of a text, and the rows that hold it


class AlignedWords:
    """Where each word of each language stands.

    Args:
        columns: texts of the same rows by language; None where a row lacks it.
    """

    def __init__(self, columns: Mapping[str, Sequence[str | None]]) -> None:
        self._rows: dict[str, dict[str, int]] = {}
        self._filled = {
            code: sum(1 << row for row, text in enumerate(texts) if text) for code, texts in columns.items()
        }
        for code, texts in columns.items():
            rows: dict[str, int] = {}
            for row, text in enumerate(texts):
                for word in {lower(word, code) for _, word in _words(text or "")}:
                    rows[word] = rows.get(word, 0) | 1 << row
            self._rows[code] = {word: held for word, held in rows.items() if held.bit_count() >= _FEWEST}

    def pairs(self, source: str, target: str, languages: tuple[str, str]) -> Iterator[tuple[Interval, Interval]]:
        """Corresponding stretches of a text and its translation."""
        ours, theirs = self._units(source, languages[0]), self._units(target, languages[1])
        both = self._filled[languages[0]] & self._filled[languages[1]]
        scores = [[_dice(mine & both, other & both) for _, other in theirs] for _, mine in ours]
        columns = list(zip(*scores, strict=True))
        for (span, _), row in zip(ours, scores, strict=True):
            best = max(row, default=0.0)
            if best >= _LEAST and row.count(best) == 1:
                column = columns[row.index(best)]
                if max(column) == best and column.count(best) == 1:
                    yield span, theirs[row.index(best)][0]

    def _units(self, text: str, code: str) -> list[Unit]:
        """The known words of a text, those side by side that stand in the same rows as one."""
        known = self._rows.get(code, {})
        found = [(span, known[word]) for span, each in _words(text) if (word := lower(each, code)) in known]
        starts = [0, *(place for place, (one, two) in enumerate(pairwise(found), 1) if not _together(one, two, text))]
        runs = [found[start:stop] for start, stop in pairwise([*starts, len(found)]) if stop - start <= _LONGEST]
        return [((run[0][0][0], run[-1][0][1]), run[0][1]) for run in runs if run]


def _words(text: str) -> list[tuple[Interval, str]]:
    return [(span, text[slice(*span)]) for span in words_of(text) if text[span[0]].isalpha()]


def _together(one: Unit, two: Unit, text: str) -> bool:
    return one[1] == two[1] and text[one[0][1] : two[0][0]] in ("", " ")


def _dice(one: int, two: int) -> float:
    return 2 * (one & two).bit_count() / max(1, one.bit_count() + two.bit_count())
