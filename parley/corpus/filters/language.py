"""The language that a cell is really in."""

from typing import Final

import numpy as np

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.languages.batch_identification import batch_identifier
from parley.languages.identification import same_letters

_MIN_LETTERS: Final = 20  # shorter cells are not judged: the identifier's errors concentrate there
_LEAD: Final = 0.5  # of another language's probability; higher than for evaluation, because dropping costs data


@FILTERS.register("language")
def language(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells that are long enough to judge and clearly in another language of the same script.

    Where only one language has a script, the script filter has judged already.
    """
    mask = cells.empty_mask()
    for index, code in enumerate(cells.languages):
        rivals = same_letters(code)
        if len(rivals) < 2 or code not in (identifier := batch_identifier(rivals)).codes:
            continue
        column = cells.columns[code]
        rows = np.flatnonzero(cells.filled[:, index] & (column.letters >= _MIN_LETTERS))
        probabilities = identifier.probabilities(column.array.take(rows).to_pylist())
        mask[rows, index] = probabilities.max(axis=1) - probabilities[:, identifier.codes.index(code)] > _LEAD
    return mask
