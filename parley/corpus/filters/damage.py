"""Text that was damaged on its way."""

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.languages.scripts import CharacterClass


@FILTERS.register("damage")
def damage(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells with replacement, private-use or unassigned characters."""
    return cells.by_language(lambda column, code: column.class_counts[:, CharacterClass.BROKEN] > 0)
