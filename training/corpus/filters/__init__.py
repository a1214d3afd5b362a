"""The filters of cleaning, by name. A filter says which cells to drop; the cleaner counts, and drops rows."""

from typing import Final

from training.corpus.filters.agreement import numbers, placeholders, urls
from training.corpus.filters.cells import Cells, Filter, Mask
from training.corpus.filters.copies import copies
from training.corpus.filters.lengths import length, length_ratio
from training.corpus.filters.normalise import damage, normalise
from training.corpus.filters.repetition import repetition
from training.corpus.filters.scripts import letters, script
from training.corpus.filters.spoken import language

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
