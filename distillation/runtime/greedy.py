"""Greedy decoding over a batch of requests, whatever computes a step: finished rows leave, each row keeps to its list.

A rows still active, D width, N pieces.
"""

from collections.abc import Callable, Sequence
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
    """Picks each row's likeliest piece among those of its own language; rows of a language stand together.

    With many rows a language, each language's rows meet their own list. With few, one product with the union of the
    lists is quicker (it reads what languages share once); of its result each row sees its own list. Either way a
    translation does not depend on the languages that others in the batch ask for.
    """

    def __init__(self, requests: Sequence[Request], lists: OutputLists | None) -> None:
        codes = tuple(dict.fromkeys(request.target for request in requests)) if lists is not None else ()
        self.own = [lists.own(code) for code in codes] if lists is not None else []
        self.union, self.places = None, self.own
        if lists is not None and len(codes) > 1 and len(requests) < GROUPED_AT * len(codes):
            self.union, self.places = lists.union(codes)
        self.language_A = np.array([codes.index(request.target) for request in requests if codes], np.int64)
        self._divide()

    def _divide(self) -> None:
        """Where each language's rows end."""
        self.ends = np.searchsorted(self.language_A, np.arange(1, len(self.own) + 1)).tolist()

    def choose(self, steps: Steps, out_AD: Array) -> Array:
        """Ids (A,)."""
        if not self.own:
            found: Array = steps.logits(out_AD, None).argmax(1)
            return found
        everything = None if self.union is None else steps.logits(out_AD, self.union)
        chosen, start = np.empty(len(out_AD), np.int64), 0
        for own, places, end in zip(self.own, self.places, self.ends, strict=True):
            if end > start and everything is None:
                chosen[start:end] = own[steps.logits(out_AD[start:end], own).argmax(1)]
            elif end > start and everything is not None:
                chosen[start:end] = own[everything[start:end].take(places, axis=1).argmax(1)]
            start = end
        return chosen

    def select(self, rows: Array) -> None:
        """Keep `rows`, in rising order."""
        if self.own:
            self.language_A = self.language_A[rows]
            self._divide()


def by_language(requests: Sequence[Request], decode: Callable[[Sequence[Request]], list[list[int]]]) -> list[list[int]]:
    """Decode with the requests of a language beside each other, as `search` wants them; results in the order asked."""
    order = sorted(range(len(requests)), key=lambda place: requests[place].target)
    results: list[list[int]] = [[] for _ in requests]
    for place, tokens in zip(order, decode([requests[place] for place in order]), strict=True):
        results[place] = tokens
    return results


def search(steps: Steps, requests: Sequence[Request], end: int, lists: OutputLists | None) -> list[list[int]]:
    """The likeliest token at every step, until the end or a request's limit; tokens without tag and end.

    Args:
        requests: those of a language beside each other (see `by_language`).
    """
    chooser = Chooser(requests, lists)
    limits_N = np.array([request.limit for request in requests], np.int64)
    written_NT = np.zeros((len(requests), int(limits_N.max(initial=0))), np.int64)
    rows, limits, lengths_N = np.arange(len(requests)), limits_N, np.zeros_like(limits_N)
    tokens = np.array([request.tag for request in requests], np.int64)
    active, length = limits > 0, 0
    while active.any():
        tokens = chooser.choose(steps, steps.step(tokens))
        active &= tokens != end
        written_NT[rows[active], length] = tokens[active]
        length += 1
        lengths_N[rows[active]] = length
        active &= limits > length
        kept = np.flatnonzero(active)
        if 0 < len(kept) <= SHRINK_AT * len(rows):
            steps.select(kept)
            chooser.select(kept)
            rows, limits, tokens, active = rows[kept], limits[kept], tokens[kept], active[kept]
    return [row[:count].tolist() for row, count in zip(written_NT, lengths_N, strict=True)]
