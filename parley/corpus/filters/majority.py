"""What must be the same in every language of a row: its cells vote.

A cell is summed up by a signature; the signature that most cells of the row share wins (of equally many, the earliest
language's), and cells with another one are outvoted.
"""

import re
import zlib

import numpy as np
import pyarrow.compute as pc

from parley.corpus.filters.cells import Cells, Mask


def outvoted(signatures: np.ndarray, voting: Mask) -> tuple[Mask, np.ndarray]:
    """Cells that vote for another signature than the winner, and each row's winning column."""
    mask, winner = np.zeros_like(voting), np.argmax(voting, axis=1)
    first = np.take_along_axis(signatures, winner[:, None], axis=1)
    rows = np.flatnonzero((voting & (signatures != first)).any(axis=1))
    votes = np.zeros((len(rows), signatures.shape[1]), np.int64)
    ballots, voters = signatures[rows], voting[rows]
    for column in range(signatures.shape[1]):
        votes += voters & voters[:, [column]] & (ballots == ballots[:, [column]])
    winner[rows] = np.argmax(votes, axis=1)
    elected = np.take_along_axis(ballots, winner[rows][:, None], axis=1)
    mask[rows] = voters & (ballots != elected)
    return mask, winner


def signatures(cells: Cells, hint: str, pattern: re.Pattern[str], exact: bool) -> np.ndarray:
    """A hash of what each cell has of a pattern (the multiset, or with `exact` off only how many), uint64[N, L]."""
    found_in = cells.empty_mask().astype(np.uint64)
    for index, code in enumerate(cells.languages):
        array = cells.columns[code].array
        rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(array, hint), False))
        for row, text in zip(rows.tolist(), array.take(rows).to_pylist(), strict=True):
            found = pattern.findall(text)
            if found:
                found_in[row, index] = zlib.crc32("\0".join(sorted(found)).encode()) + 1 if exact else len(found)
    return found_in
