"""A column of texts as one array of code points, so that counting and comparing characters is vectorised.

Shapes: N cells, C characters of all cells together. Everything is computed on first use and kept.

The normal form of a text, under which duplicates and contamination are found, is: casefold, digits to 0, everything
but letters, marks and digits removed. `keys` are 64-bit hashes of it; of 10 million different texts, two collide with
a probability of 3e-6.
"""

import unicodedata
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parley.languages.scripts import CLASS_COUNT, CharacterClass, class_table

_MULTIPLIER: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_MULTIPLIER, -1, 2**64)


class TextColumn:
    """One language's cells of a table; null cells count as empty text."""

    def __init__(self, array: pa.Array | pa.ChunkedArray) -> None:
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        self.array: pa.Array = array if array.type == pa.string() else array.cast(pa.string())

    def __len__(self) -> int:
        return len(self.array)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Characters per cell, int64[N]."""
        return pc.fill_null(pc.utf8_length(self.array), 0).to_numpy(zero_copy_only=False).astype(np.int64)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each cell starts in `code_points`, int64[N + 1]."""
        return np.concatenate([[0], np.cumsum(self.lengths)])

    @cached_property
    def code_points(self) -> np.ndarray:
        """All cells' characters one after the other, uint32[C]."""
        array = pc.fill_null(self.array, "") if self.array.null_count else self.array
        offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]
        if len(array) == 0 or offsets[0] == offsets[-1]:
            return np.zeros(0, np.uint32)
        data = memoryview(array.buffers()[2])[offsets[0] : offsets[-1]]
        return np.frombuffer(str(data, "utf-8").encode("utf-32-le"), np.uint32)

    @cached_property
    def classes(self) -> np.ndarray:
        """`CharacterClass` of every character, uint8[C]."""
        return class_table()[self.code_points]

    @cached_property
    def class_counts(self) -> np.ndarray:
        """Characters of each `CharacterClass` per cell, int64[N, CLASS_COUNT]."""
        cells = np.repeat(np.arange(len(self), dtype=np.int32) * CLASS_COUNT, self.lengths)
        return np.bincount(cells + self.classes, minlength=len(self) * CLASS_COUNT).reshape(len(self), CLASS_COUNT)

    @cached_property
    def letters(self) -> np.ndarray:
        """Letters per cell, int64[N]."""
        return self.class_counts[:, CharacterClass.LATIN :].sum(axis=1)

    @cached_property
    def keys(self) -> np.ndarray:
        """Hash of each cell's normal form, uint64[N]; 0 where nothing is left of it."""
        starts, sums = self._normal
        powers = _powers(_INVERSE, len(sums))
        keys = mixed((sums[starts[1:]] - sums[starts[:-1]]) * powers[starts[:-1]])
        keys[self.normal_lengths == 0] = 0
        return keys

    @cached_property
    def normal_lengths(self) -> np.ndarray:
        """Characters in each cell's normal form, int64[N]."""
        return np.diff(self._normal[0])

    def ngrams(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Hashes of all character n-grams of the normal forms, and where each cell's begin.

        Returns:
            uint64[G] hashes in the order of the text, int64[N + 1] starts. Cells shorter than `size` have none.
        """
        starts, sums = self._normal
        if len(sums) <= size:
            return np.zeros(0, np.uint64), np.zeros(len(self) + 1, np.int64)
        windows = mixed((sums[size:] - sums[:-size]) * _powers(_INVERSE, len(sums))[: len(sums) - size])
        counts = np.maximum(np.diff(starts) - size + 1, 0)
        gram_starts = np.concatenate([[0], np.cumsum(counts)])
        inside = np.arange(gram_starts[-1]) + np.repeat(starts[:-1] - gram_starts[:-1], counts)
        return windows[inside], gram_starts  # without the windows that run over the end of a cell

    @cached_property
    def _normal(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts of the normal forms, and running sums of their characters' hashes times powers of the multiplier."""
        kept = self.classes >= CharacterClass.MARK
        starts = np.concatenate([[0], np.cumsum(kept)])[self.starts]
        values = _character_hashes()[self.code_points[kept]]
        values *= _powers(_MULTIPLIER, len(values))[: len(values)]
        return starts, np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])


class _NormalForm(dict[int, str | None]):
    """A table for `str.translate` that fills itself: a code point to its folded character, or to nothing."""

    def __missing__(self, point: int) -> str | None:
        kept = class_table()[point] >= CharacterClass.MARK
        self[point] = folded = _folded(chr(point)) if kept else None
        return folded


_NORMAL_FORM: Final = _NormalForm()


def normal_form(text: str) -> str:
    """The normal form of one text: casefolded, digits as 0, letters, marks and digits only."""
    return text.translate(_NORMAL_FORM)


def _folded(character: str) -> str:
    """One character for one: ß and İ, whose casefold is longer, become ß and i."""
    if unicodedata.category(character) == "Nd":
        return "0"
    forms = (character.casefold(), character.lower(), character.lower()[:1])
    return next(form for form in forms if len(form) == 1)


@lru_cache(maxsize=1)
def _character_hashes() -> np.ndarray:
    """A well mixed 64-bit number for every code point's folded form, uint64[0x110000]."""
    folded = np.arange(len(class_table()), dtype=np.uint64)
    kept = np.flatnonzero(class_table() >= CharacterClass.MARK)
    folded[kept] = [ord(_folded(chr(point))) for point in kept.tolist()]
    return mixed((folded + np.uint64(1)) * np.uint64(_MULTIPLIER))


def mixed(numbers: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014), element by element."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


_POWERS: Final[dict[int, np.ndarray]] = {}


def _powers(base: int, count: int) -> np.ndarray:
    """Powers 0, 1, ... of `base` modulo 2**64, at least `count` of them; kept, so computed once."""
    if base not in _POWERS or len(_POWERS[base]) < count:
        numbers = np.full(max(count, 1 << 16), base, dtype=np.uint64)
        numbers[0] = 1
        _POWERS[base] = np.cumprod(numbers, dtype=np.uint64)
    return _POWERS[base]
