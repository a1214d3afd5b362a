"""Rows that hold a text of dev, test or a test set the user supplies, in any language, exactly or nearly.

Exactly: equal normal form. Nearly, for long enough test texts: most of the test text's character n-grams stand in one
cell. All n-grams are held against a bit table first, so that only real suspects are compared text by text.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from parley.corpus.keys import chunks, languages_of
from parley.corpus.text_column import TextColumn, normal_form
from parley.languages.table import LANGUAGES

_MIN_OVERLAP: Final = 0.7  # share of the test text's n-grams that stand in the cell: one or two words differ
_NGRAM: Final = 8  # in English characters; in denser scripts fewer, at least 3
# Test texts with fewer normalised characters (English ones) are matched exactly only: "looking forward to seeing you".
_NEAR_MIN_CHARS: Final = 40
_FLAGS_PER_NGRAM: Final = 16  # so 6 % of other n-grams are taken for test n-grams; a suspect needs far more
_MAX_FLAG_BITS: Final = 26  # 64 MiB


class HeldOutTexts:
    """Test texts of all languages, made ready to be found in many tables."""

    def __init__(self, texts: Mapping[str, Iterable[str | None]], near: bool = True) -> None:
        """Take the texts by language; `near`: nearly equal ones are to be found, too."""
        filled = {code: sorted({text for text in column if text}) for code, column in texts.items()}
        self._matchers = {
            code: _Matcher(column, near, LANGUAGES[code].length) for code, column in filled.items() if column
        }

    def found_in(self, table: pa.Table, allowed: np.ndarray) -> dict[int, str]:
        """Rows among `allowed`, bool[N], that hold a test text of their language, each with that text."""
        found: dict[int, str] = {}
        for code in languages_of(table):
            if code in self._matchers:
                for start, column in chunks(table[code]):
                    for row, text in self._matchers[code].matches(column, allowed[start : start + len(column)]):
                        found.setdefault(start + row, f"{code}: {text}")
        return found


class _Matcher:
    """Finds one language's test texts in columns of that language."""

    def __init__(self, texts: list[str], near: bool, density: float) -> None:
        self.ngram = max(3, round(_NGRAM * density))
        column = TextColumn(pa.array(texts, pa.string()))
        wanted = np.flatnonzero(column.normal_lengths)
        self.texts = {int(key): texts[index] for key, index in zip(column.keys[wanted], wanted, strict=True)}
        self.keys = np.unique(column.keys[wanted])
        self.sizes: list[int] = []
        self.long_texts: list[str] = []
        self.where: dict[str, list[int]] = defaultdict(list)
        self.flags = np.zeros(2, bool)
        if near:
            long = column.normal_lengths >= max(_NEAR_MIN_CHARS * density, self.ngram)
            self._index([texts[index] for index in np.flatnonzero(long)])

    def matches(self, column: TextColumn, allowed: np.ndarray) -> Iterable[tuple[int, str]]:
        """Rows among `allowed`, bool[N], that hold a test text, with that text."""
        places = np.minimum(np.searchsorted(self.keys, column.keys), len(self.keys) - 1) if len(self.keys) else None
        equal = (self.keys[places] == column.keys) & allowed if places is not None else np.zeros(len(column), bool)
        for row in np.flatnonzero(equal).tolist():
            yield row, self.texts[int(column.keys[row])]
        if self.long_texts:
            for row in np.flatnonzero(self._suspects(column) & allowed & ~equal).tolist():
                match = self._near_match(column.array[row].as_py())
                if match is not None:
                    yield row, match

    def _index(self, texts: list[str]) -> None:
        self.long_texts = texts
        for number, text in enumerate(texts):
            grams = _ngrams(normal_form(text), self.ngram)
            self.sizes.append(len(grams))
            for gram in grams:
                self.where[gram].append(number)
        hashes, _ = TextColumn(pa.array(texts, pa.string())).ngrams(self.ngram)
        self.flags = np.zeros(1 << min(_MAX_FLAG_BITS, (_FLAGS_PER_NGRAM * len(hashes) + 1).bit_length()), bool)
        self.flags[_slots(hashes, len(self.flags))] = True

    def _suspects(self, column: TextColumn) -> np.ndarray:
        """Cells with at least as many test n-grams as the shortest near match has, bool[N]."""
        grams, starts = column.ngrams(self.ngram)
        hits = np.concatenate([[0], np.cumsum(self.flags[_slots(grams, len(self.flags))])])
        return np.diff(hits[starts]) >= _MIN_OVERLAP * min(self.sizes)

    def _near_match(self, text: str) -> str | None:
        shared = Counter(
            number for gram in _ngrams(normal_form(text), self.ngram) for number in self.where.get(gram, ())
        )
        for number, count in sorted(shared.items()):
            if count >= _MIN_OVERLAP * self.sizes[number]:
                return self.long_texts[number]
        return None


def _ngrams(text: str, size: int) -> set[str]:
    return {text[at : at + size] for at in range(len(text) - size + 1)}


def _slots(grams: np.ndarray, count: int) -> np.ndarray:
    return (grams >> np.uint64(65 - count.bit_length())).astype(np.int64)
