"""Each row's likeliest piece among those of its own language, with as little work as the mix of languages allows.

A rows still active, R some of them, N pieces. A translation never depends on the languages that others in the batch ask
for: with many rows a language, each language's rows meet their own shortlist. With few, one product with the union of
the shortlists is quicker (it reads what languages share once); of its result each row sees its own shortlist.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

from distillation.runtime.engine import Request
from distillation.shortlists import Shortlists

Array = np.ndarray[Any, np.dtype[Any]]
GROUPED_AT: Final = 8  # rows a language from which a product of its own pays


class Logits(Protocol):
    """The output layer on the newest step."""

    def logits(self, allowed: Array | None, rows: Array | None = None) -> Array:
        """Logits (R, N) of some pieces, None for all, for some rows, None for all."""
        ...


class Chooser(Protocol):
    """Picks pieces."""

    def choose(self, steps: Logits) -> Array:
        """Ids (A,)."""
        ...

    def select(self, rows: Array) -> None:
        """Keep `rows`."""
        ...


def chooser_for(requests: Sequence[Request], shortlists: Shortlists | None) -> Chooser:
    """What picks the pieces for some requests."""
    if shortlists is None or not requests:
        return OneShortlist(None)
    codes = tuple(dict.fromkeys(request.target for request in requests))
    if len(codes) == 1:
        return OneShortlist(shortlists.own(codes[0]))
    language_A = np.array([codes.index(request.target) for request in requests], np.int64)
    if len(requests) < GROUPED_AT * len(codes):
        return UnionOfShortlists(*shortlists.union(codes), language_A)
    return ShortlistPerLanguage([shortlists.own(code) for code in codes], language_A)


class OneShortlist:
    """One shortlist for all rows, or none."""

    def __init__(self, own: Array | None) -> None:
        self.own = own

    def choose(self, steps: Logits) -> Array:
        """Ids (A,)."""
        best: Array = steps.logits(self.own).argmax(1)
        return best if self.own is None else self.own.take(best)

    def select(self, rows: Array) -> None:
        """Nothing is kept by row."""


class ShortlistPerLanguage:
    """A product for each language."""

    def __init__(self, own: Sequence[Array], language_A: Array) -> None:
        self.own, self.language_A = own, language_A
        self._divide()

    def _divide(self) -> None:
        rows = [np.flatnonzero(self.language_A == number) for number in range(len(self.own))]
        self.parts = [(one, own) for one, own in zip(rows, self.own, strict=True) if len(one)]

    def choose(self, steps: Logits) -> Array:
        """Ids (A,)."""
        chosen = np.empty(len(self.language_A), np.int64)
        for rows, own in self.parts:
            chosen[rows] = own.take(steps.logits(own, rows).argmax(1))
        return chosen

    def select(self, rows: Array) -> None:
        """Keep `rows`."""
        self.language_A = self.language_A[rows]
        self._divide()


class UnionOfShortlists:
    """One product for all; each row sees the places of its own shortlist."""

    def __init__(self, union: Array, places: Sequence[Array], language_A: Array) -> None:
        """`union`: ids of all; `places` of each language's own among them."""
        self.union, self.language_A = union, language_A
        self.places_LN = np.empty((len(places), max(map(len, places))), np.int64)
        for row, own in zip(self.places_LN, places, strict=True):
            row[: len(own)], row[len(own) :] = own, own[-1]  # shorter ones are filled up: of equals the first is taken
        self._point()

    def _point(self) -> None:
        """Where each row's own pieces stand in the product, flattened."""
        self.row_A = np.arange(len(self.language_A))
        self.starts_A = self.row_A * len(self.union)
        self.flat_AN = self.places_LN[self.language_A]
        self.flat_AN += self.starts_A[:, None]

    def choose(self, steps: Logits) -> Array:
        """Ids (A,). All places are valid: `clip` spares the check."""
        own_AN = steps.logits(self.union).reshape(-1).take(self.flat_AN, mode="clip")
        return self.union.take(self.flat_AN[self.row_A, own_AN.argmax(1)] - self.starts_A)

    def select(self, rows: Array) -> None:
        """Keep `rows`."""
        self.language_A = self.language_A[rows]
        self._point()
