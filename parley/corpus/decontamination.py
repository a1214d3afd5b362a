"""Rows that hold a text of dev, test or a test set the user supplies, in any language, exactly or nearly.

Exactly: equal normal form. Nearly, for long enough test texts: most of the test text's character n-grams stand in one
cell. All n-grams are held against a bit table first, so that only real suspects are compared text by text.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from parley.corpus.keys import chunks, languages_of
from parley.corpus.text_column import TextColumn
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
    """Finds one language's test texts in columns of that language: M texts, G n-grams of the long ones."""

    def __init__(self, texts: list[str], near: bool, density: float) -> None:
        self._ngram = max(3, round(_NGRAM * density))
        column = TextColumn(pa.array(texts, pa.string()))
        wanted = np.flatnonzero(column.normal_lengths)
        self._keys, first = np.unique(column.keys[wanted], return_index=True)
        self._texts = [texts[index] for index in wanted[first]]
        long = np.flatnonzero(column.normal_lengths >= max(_NEAR_MIN_CHARS * density, self._ngram))
        self._long = [texts[index] for index in long] if near else []
        self._index(TextColumn(pa.array(self._long, pa.string())))

    def matches(self, column: TextColumn, allowed: np.ndarray) -> Iterable[tuple[int, str]]:
        """Rows among `allowed`, bool[N], that hold a test text, with that text."""
        if len(self._keys) == 0:
            return
        places = np.minimum(np.searchsorted(self._keys, column.keys), len(self._keys) - 1)
        equal = (self._keys[places] == column.keys) & allowed
        for row in np.flatnonzero(equal).tolist():
            yield row, self._texts[places[row]]
        if self._long:
            grams, starts = column.ngrams(self._ngram)
            for row in np.flatnonzero(self._suspects(grams, starts) & allowed & ~equal).tolist():
                match = self._near_match(grams[starts[row] : starts[row + 1]])
                if match is not None:
                    yield row, match

    def _index(self, column: TextColumn) -> None:
        """Each n-gram of each text once, by n-gram, uint64[G], with its text, int64[G]; n-grams per text, int64[M]."""
        grams, starts = column.ngrams(self._ngram)
        owners = np.repeat(np.arange(len(column)), np.diff(starts))
        order = np.lexsort((owners, grams))
        grams, owners = grams[order], owners[order]
        new = np.ones(len(grams), bool)
        new[1:] = (grams[1:] != grams[:-1]) | (owners[1:] != owners[:-1])
        self._grams, self._owners = grams[new], owners[new]
        self._sizes = np.bincount(self._owners, minlength=len(column))
        self._flags = np.zeros(1 << min(_MAX_FLAG_BITS, (_FLAGS_PER_NGRAM * len(grams) + 1).bit_length()), bool)
        self._flags[_slots(self._grams, len(self._flags))] = True

    def _suspects(self, grams: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Cells with at least as many test n-grams as the shortest near match has, bool[N]."""
        hits = np.concatenate([[0], np.cumsum(self._flags[_slots(grams, len(self._flags))])])
        return np.diff(hits[starts]) >= _MIN_OVERLAP * self._sizes.min()

    def _near_match(self, grams: np.ndarray) -> str | None:
        """The first test text of which a cell with these n-grams has enough."""
        unique = np.unique(grams)
        low, high = (np.searchsorted(self._grams, unique, side) for side in ("left", "right"))
        held = [self._owners[start:stop] for start, stop in zip(low, high, strict=True) if start < stop]
        if not held:
            return None
        texts, shared = np.unique(np.concatenate(held), return_counts=True)
        enough = texts[shared >= _MIN_OVERLAP * self._sizes[texts]]
        return self._long[enough[0]] if len(enough) else None


def _slots(grams: np.ndarray, count: int) -> np.ndarray:
    return (grams >> np.uint64(65 - count.bit_length())).astype(np.int64)
