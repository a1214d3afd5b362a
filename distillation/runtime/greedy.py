"""Greedy decoding over a batch of requests, whatever computes a step: finished rows leave, each row keeps to its list.

A rows still active, D width, N pieces.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

from distillation.output_lists import OutputLists
from distillation.runtime.engine import Request

Array = np.ndarray[Any, np.dtype[Any]]
SHRINK_AT: Final = 0.8  # finished rows are dropped when at most this share is still active: each drop copies the cache
GROUPED_AT: Final = 4  # rows a language from which a product of its own pays


class Steps(Protocol):
    """One batch in decoding, rows in the order of the requests."""

    def step(self, tokens_A: Array) -> Array:
        """Feed the newest tokens; the decoder's output (A, D)."""
        ...

    def logits(self, out_RD: Array, allowed: Array | None) -> Array:
        """Logits (R, N) of some pieces, None for all, from the decoder's output for some rows."""
        ...

    def select(self, rows: Array) -> None:
        """Keep `rows`, in that order."""
        ...


class Chooser:
    """Picks each row's likeliest piece among those of its own language.

    With many rows a language, each language's rows meet their own list; with few, one product with the union of the
    lists is quicker, and what is not on a row's list is masked. Either way a translation does not depend on the
    languages that others in the batch ask for.
    """

    def __init__(self, requests: Sequence[Request], lists: OutputLists | None) -> None:
        codes = list(dict.fromkeys(request.target for request in requests)) if lists is not None else []
        self.language_A = np.array([codes.index(request.target) for request in requests]) if codes else None
        self.own = [lists.of([code]) for code in codes] if lists is not None else []
        self.grouped = len(codes) == 1 or len(requests) >= GROUPED_AT * max(1, len(codes))
        self.union: Array | None = None
        if lists is not None and not self.grouped:
            self.union = lists.of(codes)
            self.forbidden = np.full((len(codes), len(self.union)), -np.inf, np.float32)
            for row, own in zip(self.forbidden, self.own, strict=True):
                row[np.searchsorted(self.union, own)] = 0.0

    def choose(self, steps: Steps, out_AD: Array) -> Array:
        """Ids (A,)."""
        if self.language_A is None:
            found: Array = steps.logits(out_AD, None).argmax(1)
            return found
        if self.union is not None:
            best: Array = self.union[(steps.logits(out_AD, self.union) + self.forbidden[self.language_A]).argmax(1)]
            return best
        chosen = np.empty(len(out_AD), np.int64)
        for number, own in enumerate(self.own):
            rows = np.flatnonzero(self.language_A == number)
            if len(rows):
                part = out_AD if len(rows) == len(out_AD) else out_AD[rows]
                chosen[rows] = own[steps.logits(part, own).argmax(1)]
        return chosen

    def select(self, rows: Array) -> None:
        """Keep `rows`."""
        self.language_A = self.language_A[rows] if self.language_A is not None else None


def search(steps: Steps, requests: Sequence[Request], end: int, lists: OutputLists | None) -> list[list[int]]:
    """The likeliest token at every step, until the end or a request's limit; tokens without tag and end."""
    chooser = Chooser(requests, lists)
    results: list[list[int]] = [[] for _ in requests]
    rows = np.arange(len(requests))
    limits = np.array([request.limit for request in requests])
    tokens = np.array([request.tag for request in requests], np.int64)
    active, length = limits > 0, 0
    while active.any():
        tokens = chooser.choose(steps, steps.step(tokens))
        length += 1
        active &= tokens != end
        for place in np.flatnonzero(active):
            results[rows[place]].append(int(tokens[place]))
        active &= limits > length
        kept = np.flatnonzero(active)
        if 0 < len(kept) <= SHRINK_AT * len(rows):
            steps.select(kept)
            chooser.select(kept)
            rows, limits, tokens, active = rows[kept], limits[kept], tokens[kept], active[kept]
    return results
