"""Greedy decoding of a batch of requests, whatever computes a step: finished rows leave, a row keeps to its shortlist.

A rows still active, B requests. Between two steps the processor has just read all weights, so that every call here
meets cold caches: a step takes no more of them than it needs.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

from distillation.runtime.engine import Request
from distillation.runtime.shortlist_choice import Chooser, Logits, chooser_for
from distillation.shortlists import Shortlists

Array = np.ndarray[Any, np.dtype[Any]]
SHRINK_AT: Final = 0.8  # finished rows are dropped when at most this share is still active: each drop copies the cache


class Steps(Logits, Protocol):
    """One batch in decoding, rows in the order of the requests."""

    def step(self, tokens_A: Array) -> None:
        """Feed the newest tokens."""
        ...

    def select(self, rows: Array) -> None:
        """Keep `rows`, in rising order."""
        ...


def search(steps: Steps, requests: Sequence[Request], end: int, shortlists: Shortlists | None) -> list[list[int]]:
    """The likeliest token at every step, until the end or a request's limit; tokens without tag and end."""
    chooser = chooser_for(requests, shortlists)
    sizes_B = np.array([request.limit for request in requests], np.int64)  # the end makes them smaller
    written: list[list[int]] = [[] for _ in requests]  # a finished row may write on until it leaves
    rows, active, length = np.arange(len(requests)), sizes_B > 0, 0
    tokens = np.array([request.tag for request in requests], np.int64)
    while active.any():
        tokens, columns = _until_a_row_ends(steps, chooser, tokens, end, int(sizes_B[rows[active]].min()) - length)
        for row, pieces in zip(rows.tolist(), zip(*columns, strict=True), strict=True):
            written[row].extend(pieces)
        length += len(columns)
        sizes_B[rows[active & (tokens == end)]] = length - 1
        active = sizes_B[rows] > length
        kept = np.flatnonzero(active)
        if 0 < len(kept) <= SHRINK_AT * len(rows):
            steps.select(kept)
            chooser.select(kept)
            rows, tokens, active = rows[kept], tokens[kept], active[kept]
    return [pieces[:size] for pieces, size in zip(written, sizes_B.tolist(), strict=True)]


def _until_a_row_ends(
    steps: Steps, chooser: Chooser, tokens_A: Array, end: int, most: int
) -> tuple[Array, list[list[int]]]:
    """Up to `most` steps: the newest tokens, and those of every step."""
    columns: list[list[int]] = []
    while len(columns) < most:
        steps.step(tokens_A)
        tokens_A = chooser.choose(steps)
        columns.append(tokens_A.tolist())
        if end in columns[-1]:
            break
    return tokens_A, columns
