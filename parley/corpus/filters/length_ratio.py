"""Length of a cell against the row's other cells."""

from typing import Final

import numpy as np

from parley.corpus.config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.corpus.filters.registry import FILTERS
from parley.languages.table import LANGUAGES

_MAX_RATIO: Final = 2.5  # to the mean of the row's other cells, in expected English characters
_SLACK: Final = 12.0  # characters added to both sides: "OK" against "Einverstanden" is no misalignment


@FILTERS.register("length_ratio")
def length_ratio(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop the cell that is farthest from the mean of the row's others, while it is too far.

    Lengths are taken in expected English characters, plus the slack, as logarithms. One cell goes at a time, because
    an outlier spoils the mean for the good cells. Of two cells the later language goes (and the row with it).
    """
    expected = np.array([LANGUAGES[code].length for code in cells.languages])
    lengths = np.stack([cells.columns[code].lengths for code in cells.languages], axis=1)
    logs = np.log(lengths / expected + _SLACK)
    mask = cells.empty_mask()
    rows = np.flatnonzero(cells.filled.sum(axis=1) >= 2)
    while len(rows):
        there = cells.filled[rows] & ~mask[rows]
        worst, distance = _farthest(logs[rows], there)
        far = (distance > np.log(_MAX_RATIO)) & (there.sum(axis=1) >= 2)
        rows, worst = rows[far], worst[far]
        mask[rows, worst] = True
    return mask


def _farthest(logs: np.ndarray, there: Mask) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each row farthest from the mean of the others, the later one of equals, and its distance."""
    total, count = np.where(there, logs, 0).sum(axis=1, keepdims=True), there.sum(axis=1, keepdims=True)
    distance = np.where(there, np.abs(logs - (total - logs) / np.maximum(count - 1, 1)), -1.0).round(9)
    worst = distance.shape[1] - 1 - np.argmax(distance[:, ::-1], axis=1)
    return worst, distance[np.arange(len(worst)), worst]
