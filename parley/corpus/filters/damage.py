"""Text that was damaged on its way."""

from typing import Final

import numpy as np
import pyarrow.compute as pc

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.corpus.text_column import TextColumn
from parley.languages.scripts import CharacterClass

# UTF-8 that was read as Windows-1252 or Latin-1: é became Ã©, ’ became â€™, an emoji ðŸ...
_MOJIBAKE: Final = r"Ã[\x{80}-\x{bf}]|Â[\x{a0}-\x{bf}]|â€[\x{80}-\x{bf}™œ“”˜¦]|ðŸ|Ð[\x{80}-\x{bf}]Ð"


@FILTERS.register("damage")
def damage(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells with replacement, private-use or unassigned characters, and text decoded with the wrong table."""
    return cells.by_language(lambda column, code: _damaged(column))


def _damaged(column: TextColumn) -> np.ndarray:
    broken = column.class_counts[:, CharacterClass.BROKEN] > 0
    mojibake = pc.fill_null(pc.match_substring_regex(column.array, _MOJIBAKE), False)
    return broken | mojibake.to_numpy(zero_copy_only=False)
