"""Placeholders of a message, which every language must have."""

import re
from typing import Final

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.majority import outvoted, signatures
from parley.corpus.filters.registry import FILTERS
from parley.languages.fixed_spans import PLACEHOLDER

_PLACEHOLDER: Final = re.compile(PLACEHOLDER)
_HINT: Final = "[{%<]"  # without one of these there is no match, so most cells are passed over quickly


@FILTERS.register("placeholders")
def placeholders(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells whose placeholders ({0}, %s, %1$d, ${name}, <b>) are not the row's."""
    return outvoted(signatures(cells, _HINT, _PLACEHOLDER, exact=True), cells.filled)[0]
