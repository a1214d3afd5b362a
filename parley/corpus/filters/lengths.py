"""Length of a cell, alone and against the row's other cells."""

import numpy as np

from parley.corpus.cleaning_config import CleaningConfig
from parley.corpus.filters.cells import Cells, Mask
from parley.languages.table import LANGUAGES


def length(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop cells that are too short or too long."""
    limits = config.length
    return cells.by_language(
        lambda column, code: (column.lengths < limits.min_chars) | (column.lengths > limits.max_chars)
    )


def length_ratio(cells: Cells, config: CleaningConfig) -> Mask:
    """Drop the cell that is farthest from the mean of the row's others, while it is too far.

    Lengths are taken in expected English characters, plus the slack, as logarithms. One cell goes at a time, because
    an outlier spoils the mean for the good cells. Of two cells the later language goes (and the row with it).
    """
    expected = np.array([LANGUAGES[code].length for code in cells.languages])
    lengths = np.stack([cells.columns[code].lengths for code in cells.languages], axis=1)
    logs = np.log(lengths / expected + config.length.slack)
    mask = cells.empty_mask()
    rows = np.flatnonzero(cells.filled.sum(axis=1) >= 2)
    while len(rows):
        there = cells.filled[rows] & ~mask[rows]
        worst, distance = _farthest(logs[rows], there)
        far = (distance > np.log(config.length.max_ratio)) & (there.sum(axis=1) >= 2)
        rows, worst = rows[far], worst[far]
        mask[rows, worst] = True
    return mask


def _farthest(logs: np.ndarray, there: Mask) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each row farthest from the mean of the others, the later one of equals, and its distance."""
    total, count = np.where(there, logs, 0).sum(axis=1, keepdims=True), there.sum(axis=1, keepdims=True)
    distance = np.where(there, np.abs(logs - (total - logs) / np.maximum(count - 1, 1)), -1.0).round(9)
    worst = distance.shape[1] - 1 - np.argmax(distance[:, ::-1], axis=1)
    return worst, distance[np.arange(len(worst)), worst]
