"""The filters by name. A filter says which cells to drop; the cleaner counts, and drops rows."""

from collections.abc import Callable
from typing import Final

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.registry import Registry

Filter = Callable[[Cells, CleaningConfig], Mask]
FILTERS: Final = Registry[Filter]("filter", "parley.corpus.filters")
