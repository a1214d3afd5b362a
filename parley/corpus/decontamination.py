"""Train rows that hold a text of dev, test or a test set the user supplies, in any language, exactly or nearly.

Exactly: equal normal form. Nearly, for long enough test texts: most of the test text's character n-grams stand in one
train cell. All n-grams are held against a bit table first, so that only real suspects are compared text by text.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from parley.corpus.cleaning_config import CleaningConfig, DecontaminationConfig
from parley.corpus.cleaning_report import CleaningReport
from parley.corpus.row_filters import chunks, drop_rows, languages_of, train_rows
from parley.corpus.text_column import TextColumn, normal_form
from parley.languages.table import LANGUAGES, language

_FLAGS_PER_NGRAM: Final = 16  # so 6 % of other n-grams are taken for test n-grams; a suspect needs far more
_MAX_FLAG_BITS: Final = 26  # 64 MiB


def decontaminate(
    table: pa.Table, config: CleaningConfig, extra: Mapping[str, Iterable[str]] | None = None
) -> tuple[pa.Table, CleaningReport]:
    """Drop train rows that hold a test text of their language.

    Args:
        table: multiway table with a column `split`; every row that is not train is a test row and stays.
        extra: test texts supplied by the user, by language code.

    Raises:
        InputError: unknown language in `extra`.
    """
    extra = {language(code).code: list(texts) for code, texts in (extra or {}).items()}
    train = train_rows(table)
    test = table.filter(pa.array(~train))
    found: dict[int, str] = {}
    for code in languages_of(table):
        texts = sorted({text for text in [*test[code].to_pylist(), *extra.get(code, [])] if text})
        if texts:
            matcher = _Matcher(texts, config.decontamination, LANGUAGES[code].length)
            for start, column in chunks(table[code]):
                for row, text in matcher.matches(column, train[start : start + len(column)]):
                    found.setdefault(start + row, f"{code}: {text}")
    dropped = np.zeros(table.num_rows, bool)
    dropped[list(found)] = True
    return drop_rows("decontamination", table, dropped, lambda row: {"test_text": found[row]})


class _Matcher:
    """Finds one language's test texts in columns of that language."""

    def __init__(self, texts: list[str], config: DecontaminationConfig, density: float) -> None:
        self.config = config
        self.ngram = max(3, round(config.ngram * density))
        column = TextColumn(pa.array(texts, pa.string()))
        wanted = np.flatnonzero(column.normal_lengths >= max(1, config.min_chars))
        self.texts = {int(key): texts[index] for key, index in zip(column.keys[wanted], wanted, strict=True)}
        self.keys = np.unique(column.keys[wanted])
        self.sizes: list[int] = []
        self.long_texts: list[str] = []
        self.where: dict[str, list[int]] = defaultdict(list)
        self.flags = np.zeros(2, bool)
        if config.near:
            long = column.normal_lengths >= max(config.near_min_chars * density, config.min_chars, self.ngram)
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
        return np.diff(hits[starts]) >= self.config.min_overlap * min(self.sizes)

    def _near_match(self, text: str) -> str | None:
        shared = Counter(
            number for gram in _ngrams(normal_form(text), self.ngram) for number in self.where.get(gram, ())
        )
        for number, count in sorted(shared.items()):
            if count >= self.config.min_overlap * self.sizes[number]:
                return self.long_texts[number]
        return None


def _ngrams(text: str, size: int) -> set[str]:
    return {text[at : at + size] for at in range(len(text) - size + 1)}


def _slots(grams: np.ndarray, count: int) -> np.ndarray:
    return (grams >> np.uint64(65 - count.bit_length())).astype(np.int64)
