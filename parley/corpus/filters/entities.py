"""Characters that were written for HTML."""

import html
import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS

_ENTITY: Final = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
_FOUND: Final = re.compile(_ENTITY)


@FILTERS.register("entities")
def entities(cells: Cells, config: CleaningConfig) -> Mask:
    """Rewrite `&amp;`, `&#39;` and the like, also where they were written twice; drops nothing."""
    for code in cells.languages:
        array = cells.columns[code].array
        has = pc.fill_null(pc.match_substring_regex(array, _ENTITY), False)
        if pc.any(has).as_py():
            plain = pa.array([_plain(_plain(text)) for text in array.filter(has).to_pylist()], pa.string())
            after = pc.replace_with_mask(array, has, plain)
            cells.replace(code, after, pc.fill_null(pc.not_equal(array, after), False).to_numpy(zero_copy_only=False))
    return cells.empty_mask()


def _plain(text: str) -> str:
    return _FOUND.sub(lambda found: html.unescape(found[0]), text)
