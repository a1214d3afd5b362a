"""The language that a cell is really in."""

from functools import lru_cache

import numpy as np

from parley.corpus.cleaning_config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.languages.identification import LanguageIdentifier, same_letters


@lru_cache(maxsize=4)
def _identifier(lead: float, min_letters: int) -> LanguageIdentifier:
    return LanguageIdentifier(lead=lead, min_letters=min_letters)


def language(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells that are long enough to judge and clearly in another language of the same script.

    Where only one language has a script, the script filter has judged already.
    """
    limits = config.language
    identifier = _identifier(limits.lead, limits.min_letters)
    mask = cells.empty_mask()
    for index, code in enumerate(cells.languages):
        if len(same_letters(code)) < 2:
            continue
        column = cells.columns[code]
        rows = np.flatnonzero(cells.filled[:, index] & (column.letters >= limits.min_letters))
        texts = column.array.take(rows).to_pylist()
        mask[rows, index] = [identifier.off_target(text, code) for text in texts]
    return mask
