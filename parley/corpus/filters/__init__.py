"""The filters of cleaning, by name. A filter says which cells to drop; the cleaner counts, and drops rows."""

from typing import Final

from parley.corpus.filters.agreement import numbers, placeholders, urls
from parley.corpus.filters.cells import Cells, Filter, Mask
from parley.corpus.filters.copies import copies
from parley.corpus.filters.language import language
from parley.corpus.filters.lengths import length, length_ratio
from parley.corpus.filters.normalise import damage, normalise
from parley.corpus.filters.repetition import repetition
from parley.corpus.filters.scripts import letters, script

FILTERS: Final[dict[str, Filter]] = {
    "normalise": normalise,
    "damage": damage,
    "length": length,
    "letters": letters,
    "script": script,
    "repetition": repetition,
    "copies": copies,
    "numbers": numbers,
    "placeholders": placeholders,
    "urls": urls,
    "length_ratio": length_ratio,
    "language": language,
}

__all__ = ["FILTERS", "Cells", "Filter", "Mask"]
