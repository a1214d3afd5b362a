"""Length of a cell alone."""

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS


@FILTERS.register("length")
def length(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells that are too long. Chat is short; a very long cell costs a padded batch and is mostly help text."""
    return cells.by_language(lambda column, code: column.lengths > config.max_chars)
