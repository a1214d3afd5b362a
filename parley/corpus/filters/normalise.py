"""Unicode and white space put into one form, and text that was damaged on its way."""

from typing import Final

import numpy as np
import pyarrow.compute as pc

from parley.corpus.cleaning_config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.text_column import TextColumn
from parley.languages import normalisation
from parley.languages.scripts import CharacterClass

# UTF-8 that was read as Windows-1252 or Latin-1: é became Ã©, ’ became â€™, an emoji ðŸ...
_MOJIBAKE: Final = r"Ã[\x{80}-\x{bf}]|Â[\x{a0}-\x{bf}]|â€[\x{80}-\x{bf}™œ“”˜¦]|ðŸ|Ð[\x{80}-\x{bf}]Ð"


def normalise(cells: Cells, config: CleaningConfig) -> Mask:
    """Rewrite to the normalised form; drop cells that are then empty."""
    for code in cells.languages:
        before = cells.columns[code].array
        after = normalisation.normalise(before)
        changed = pc.fill_null(pc.not_equal(before, after), False).to_numpy(zero_copy_only=False)
        if changed.any():
            cells.replace(code, after, changed)
    return cells.by_language(lambda column, code: column.lengths == 0)


def damage(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells with replacement, private-use or unassigned characters, and text decoded with the wrong table."""
    return cells.by_language(lambda column, code: _damaged(column))


def _damaged(column: TextColumn) -> np.ndarray:
    broken = column.class_counts[:, CharacterClass.BROKEN] > 0
    mojibake = pc.fill_null(pc.match_substring_regex(column.array, _MOJIBAKE), False)
    return broken | mojibake.to_numpy(zero_copy_only=False)
