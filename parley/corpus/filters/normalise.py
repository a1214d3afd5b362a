"""Unicode and white space put into one form, and text that was damaged on its way."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.cleaning_config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.text_column import TextColumn
from parley.languages.scripts import CharacterClass

# Soft hyphens, zero-width spaces, direction marks and byte order marks say nothing; a zero-width joiner builds emoji.
_INVISIBLE: Final = r"\x{ad}\x{200b}\x{200c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}\x{2066}-\x{2069}\x{feff}"
_SPACE: Final = r"[\s\v\x{85}\p{Z}]"
_CONTROL: Final = r"\x00-\x08\x0e-\x1f\x7f-\x{84}\x{86}-\x{9f}"
_UNTIDY: Final = rf"^ | $|  |[^\P{{Z}} ]|[\t-\r]|[{_CONTROL}\x{{85}}{_INVISIBLE}]"
# Thai typed in two halves that look like one letter: ํา for ำ, เเ for แ.
_THAI_HALVES: Final = {"\u0e4d\u0e32": "\u0e33", "\u0e40\u0e40": "\u0e41"}
# UTF-8 that was read as Windows-1252 or Latin-1: é became Ã©, ’ became â€™, an emoji ðŸ...
_MOJIBAKE: Final = r"Ã[\x{80}-\x{bf}]|Â[\x{a0}-\x{bf}]|â€[\x{80}-\x{bf}™œ“”˜¦]|ðŸ|Ð[\x{80}-\x{bf}]Ð"


def normalise(cells: Cells, config: CleaningConfig) -> Mask:
    """Rewrite to NFC, single spaces and no control or invisible characters; drop cells that are then empty."""
    for code in cells.languages:
        before = cells.columns[code].array
        after = _normalised(before, code)
        changed = pc.fill_null(pc.not_equal(before, after), False).to_numpy(zero_copy_only=False)
        if changed.any():
            cells.replace(code, after, changed)
    return cells.by_language(lambda column, code: column.lengths == 0)


def _normalised(array: pa.Array, code: str) -> pa.Array:
    array = pc.utf8_normalize(array, "NFC")
    untidy = pc.match_substring_regex(array, _UNTIDY)
    if pc.any(untidy).as_py():
        tidy = pc.replace_substring_regex(array.filter(untidy), rf"[{_CONTROL}{_INVISIBLE}]+", "")
        tidy = pc.utf8_trim_whitespace(pc.replace_substring_regex(tidy, rf"{_SPACE}+", " "))
        # Taking a joiner out can bring letter and mark together, so the composed form is made again.
        array = pc.replace_with_mask(array, pc.fill_null(untidy, False), pc.utf8_normalize(tidy, "NFC"))
    if code == "th":
        for halves, letter in _THAI_HALVES.items():
            array = pc.replace_substring(array, halves, letter)
    return array


def damage(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells with replacement, private-use or unassigned characters, and text decoded with the wrong table."""
    return cells.by_language(lambda column, code: _damaged(column))


def _damaged(column: TextColumn) -> np.ndarray:
    broken = column.class_counts[:, CharacterClass.BROKEN] > 0
    mojibake = pc.fill_null(pc.match_substring_regex(column.array, _MOJIBAKE), False)
    return broken | mojibake.to_numpy(zero_copy_only=False)
