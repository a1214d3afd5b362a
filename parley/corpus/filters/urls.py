"""URLs and mail addresses of a message."""

import re
from typing import Final

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.majority import outvoted, signatures
from parley.corpus.filters.registry import FILTERS

_URL: Final = re.compile(r"https?://[^\s<>]+|www\.[A-Za-z0-9-]+\.[a-z]{2,}|[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[a-z]{2,}")
_HINT: Final = r"://|www\.|@"  # without one of these there is no match, so most cells are passed over quickly


@FILTERS.register("urls")
def urls(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells with more or fewer URLs and mail addresses than the row; their text may be local."""
    return outvoted(signatures(cells, _HINT, _URL, exact=False), cells.filled)[0]
