"""Greedy decoding over a batch of requests, whatever computes a step: finished rows leave, each row keeps to its list.

A rows still active, N pieces that any of the requests may write.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

from distillation.output_lists import OutputLists
from distillation.runtime.engine import Request

Array = np.ndarray[Any, np.dtype[Any]]
SHRINK_AT: Final = 0.8  # finished rows are dropped when at most this share is still active: each drop copies the cache


class Steps(Protocol):
    """One batch in decoding, rows in the order of the requests."""

    def step(self, tokens_A: Array) -> Array:
        """Feed the newest tokens; logits (A, N) of the next."""
        ...

    def select(self, rows: Array) -> None:
        """Keep `rows`, in that order."""
        ...


def allowed_pieces(requests: Sequence[Request], lists: OutputLists | None) -> Array | None:
    """Sorted ids that any of the requests may write; None for the whole vocabulary."""
    return lists.of(request.target for request in requests) if lists is not None else None


def forbidden(requests: Sequence[Request], lists: OutputLists | None, allowed: Array | None) -> Array | None:
    """What to add to the logits (A, N) so that a row keeps to its own language's list; None where all have the same.

    Without it a translation would depend on the languages that others in the batch ask for.
    """
    codes = list(dict.fromkeys(request.target for request in requests))
    if lists is None or allowed is None or len(codes) == 1:
        return None
    table = np.full((len(codes), len(allowed)), -np.inf, np.float32)
    for row, code in zip(table, codes, strict=True):
        row[np.searchsorted(allowed, lists.of([code]))] = 0.0
    return table[[codes.index(request.target) for request in requests]]


def search(steps: Steps, requests: Sequence[Request], end: int, lists: OutputLists | None) -> list[list[int]]:
    """The likeliest token at every step, until the end or a request's limit; tokens without tag and end."""
    allowed = allowed_pieces(requests, lists)
    bias_AN = forbidden(requests, lists, allowed)
    results: list[list[int]] = [[] for _ in requests]
    rows = np.arange(len(requests))
    limits = np.array([request.limit for request in requests])
    tokens = np.array([request.tag for request in requests], np.int64)
    active, length = limits > 0, 0
    while active.any():
        logits = steps.step(tokens)
        best = (logits if bias_AN is None else logits + bias_AN).argmax(1)
        tokens = best if allowed is None else allowed[best]
        length += 1
        active &= tokens != end
        for place in np.flatnonzero(active):
            results[rows[place]].append(int(tokens[place]))
        active &= limits > length
        kept = np.flatnonzero(active)
        if 0 < len(kept) <= SHRINK_AT * len(rows):
            steps.select(kept)
            rows, limits, tokens, active = rows[kept], limits[kept], tokens[kept], active[kept]
            bias_AN = bias_AN[kept] if bias_AN is not None else None
    return results
