"""Shortlists: the part of the vocabulary that a target language may be written in.

Most of the work of decoding one token is the product with all V rows of the output layer. A language uses a fraction of
them (`distillation.shortlist_stage` counts which).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from parley.languages.table import language
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    IntArray = np.ndarray[Any, np.dtype[np.int64]]

FILE: Final = "shortlists.json"
UNIONS_KEPT: Final = 16  # combinations of languages whose union is held ready


@dataclass(frozen=True)
class Shortlists:
    """Allowed pieces of each target language.

    Attributes:
        vocab_size, vocabulary_digest: of the vocabulary that the ids are of.
        pieces: sorted ids by language, tag included.
        coverage: share of each language's reference tokens of the test split that its shortlist holds.
    """

    vocab_size: int
    vocabulary_digest: str
    pieces: Mapping[str, Sequence[int]]
    coverage: Mapping[str, float]
    _arrays: "dict[str, IntArray]" = field(default_factory=dict, init=False, repr=False, compare=False)
    _unions: "dict[tuple[str, ...], tuple[IntArray, list[IntArray]]]" = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def load(cls, folder: Path) -> "Shortlists":
        """Read what `save` wrote.

        Raises:
            InputError: no shortlists there.
        """
        try:
            return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{folder}: no shortlists ({FILE})") from error

    def save(self, folder: Path) -> None:
        """Write the shortlists into a folder."""
        names = ("vocab_size", "vocabulary_digest", "pieces", "coverage")
        write_json(folder / FILE, {name: getattr(self, name) for name in names})

    def own(self, code: str) -> "IntArray":
        """Ids of one language, sorted: the same array at every call, so that engines know their output layers by it.

        Raises:
            InputError: a language without a shortlist.
        """
        if code not in self._arrays:
            self._arrays[code] = self.of([code])
        return self._arrays[code]

    def union(self, codes: tuple[str, ...]) -> "tuple[IntArray, list[IntArray]]":
        """Ids of several languages, sorted, and where each language's own stand among them; the same arrays at every
        call, for the combinations asked for most recently.

        Raises:
            InputError: a language without a shortlist.
        """
        if codes not in self._unions:
            ids = self.of(codes)
            self._unions[codes] = ids, [np.searchsorted(ids, self.own(code)) for code in codes]
            if len(self._unions) > UNIONS_KEPT:
                del self._unions[next(iter(self._unions))]
        self._unions[codes] = self._unions.pop(codes)
        return self._unions[codes]

    def of(self, codes: Iterable[str]) -> "IntArray":
        """Ids allowed in any of some languages, sorted: one shortlist for one request into several languages.

        Raises:
            InputError: a language without a shortlist.
        """
        parts = []
        for code in dict.fromkeys(codes):
            if language(code).code not in self.pieces:
                raise InputError(f"no shortlist for '{code}'; there are shortlists for {' '.join(self.pieces)}")
            parts.append(np.asarray(self.pieces[code], np.int64))
        return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int64)
