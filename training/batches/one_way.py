"""Synthetic rows, each of which may be used in one direction only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.compute as pc

from parley.languages.table import CODES, pair
from training.batches.encoded import EncodedCorpus

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

DIRECTION: Final = "direction"  # column of `rows.parquet` of a corpus whose rows may be used one way only
SYNTHETIC: Final = "synthetic"  # in a model's folder, the synthetic rows that it learnt from last


@dataclass(frozen=True)
class OneWay:
    """Synthetic rows to be mixed with those of the corpus.

    Attributes:
        encoded: rows with a column `direction`, the only one that each may be used in; withheld pairs are allowed.
        ratios: direction -> messages for each message of the corpus.
    """

    encoded: EncodedCorpus
    ratios: Mapping[str, float]


def mixture(synthetic: EncodedCorpus, ratio: float, temperature: float) -> OneWay:
    """What a training is given besides the corpus: `ratio` synthetic messages for each human one.

    Directions share it in proportion to rows^(1/temperature), as human directions do.
    """
    counted = pc.value_counts(synthetic.fact(DIRECTION)).to_pylist()
    weights = {entry["values"]: int(entry["counts"]) ** (1 / temperature) for entry in counted}
    whole = sum(weights.values())
    return OneWay(synthetic, {name: ratio * weight / whole for name, weight in weights.items()})


class OneWayRows:
    """The rows of each direction that has a ratio and rows within `longest` tokens.

    Attributes:
        usable, too_long, target_tokens: rows used, rows left out, and tokens of the used ones' targets, by direction.
    """

    def __init__(self, one_way: OneWay, first: int, longest: int) -> None:
        """Number the rows from `first`.

        Raises:
            InputError: a corpus without directions.
        """
        encoded = one_way.encoded
        self.usable: dict[str, int] = {}
        self.too_long: dict[str, int] = {}
        self.target_tokens: dict[str, int] = {}
        found = []
        for name, rows in one_way_rows(encoded).items():
            source, target = (encoded.lengths(code)[rows] for code in pair(name))
            fits = (np.minimum(source, target) > 0) & (np.maximum(source, target) <= longest)
            if fits.any() and one_way.ratios.get(name, 0.0) > 0:
                found.append(first + rows[fits])
                self.usable[name], self.too_long[name] = int(fits.sum()), int((~fits).sum())
                self.target_tokens[name] = int(target[fits].sum())
        self._rows = np.concatenate([np.zeros(0, np.int64), *found])
        self._start = np.zeros((len(CODES), len(CODES)), np.int64)
        for name, start in zip(self.usable, np.cumsum([0, *map(len, found)]).tolist(), strict=False):
            self._start[*(CODES.index(code) for code in pair(name))] = start

    def find(self, source: "Array", target: "Array", place: "Array") -> "Array":
        """The row [n] at a place [n] among the rows of each message's direction, languages as indices into CODES."""
        return self._rows[self._start[source, target] + place]


def one_way_rows(encoded: EncodedCorpus) -> "dict[str, Array]":
    """Rows by the one direction that they may be used in, in the order of the file.

    Raises:
        InputError: a corpus without that column.
    """
    names = np.array(encoded.fact(DIRECTION).to_pylist())
    return {str(name): np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())}
