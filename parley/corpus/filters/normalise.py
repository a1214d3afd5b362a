"""Text put into its one form."""

import pyarrow.compute as pc

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.languages import normalisation


@FILTERS.register("normalise")
def normalise(cells: Cells, config: CleaningConfig) -> Mask:
    """Rewrite to the normalised form; drop cells that are then empty."""
    for code in cells.languages:
        before = cells.columns[code].array
        after = normalisation.normalise(before)
        changed = pc.fill_null(pc.not_equal(before, after), False).to_numpy(zero_copy_only=False)
        if changed.any():
            cells.replace(code, after, changed)
    return cells.by_language(lambda column, code: column.lengths == 0)
