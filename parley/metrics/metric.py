"""What a corpus metric is: numbers per message, summed, put through a formula; so one bootstrap serves every metric.

Legend: N messages, S statistics of a message, B bootstrap samples.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from parley.languages.table import pair
from parley.metrics.ngrams import Floats, Ints

_UNITS: Final = 1_000_000  # values of messages are kept in millionths, so that sums of whole numbers serve
_LARGEST: Final = 2000.0  # value of a message whose millionths fit into 32 bits


@dataclass(frozen=True)
class Translations:
    """Outputs of one direction (`en-fr`): [N] sources, references and hypotheses, aligned."""

    direction: str
    sources: Sequence[str]
    references: Sequence[str]
    hypotheses: Sequence[str]

    @property
    def target(self) -> str:
        """Code of the target language."""
        return pair(self.direction)[1]

    def __len__(self) -> int:
        """Number of messages."""
        return len(self.hypotheses)


class Metric(ABC):
    """A score of many messages, computed from the sum of their statistics; higher is better.

    Attributes:
        name: its key in report.json, in configs and gates.
        label: what the pages call it.
        digits: shown behind the point.
        stored: name under which its statistics are kept; metrics that read the same ones share it. Empty: `name`.
        width: how many statistics, from the first on, it reads.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    digits: ClassVar[int] = 1
    stored: ClassVar[str] = ""
    width: ClassVar[int]

    @abstractmethod
    def statistics(self, texts: Translations) -> Ints:
        """[N, S] whole numbers of each message, S >= `width`."""

    @abstractmethod
    def scores(self, sums: Floats) -> Floats:
        """Scores [B] of summed statistics [B, S]; nan where a sample holds no message."""

    def score(self, sums: Ints, target: str) -> float:
        """The score of one sum [S] of messages in a target language."""
        return float(self.scores(sums[None].astype(np.float64))[0])

    def of(self, texts: Translations) -> float:
        """The score of all messages together.

        Raises:
            ValueError: there are none.
        """
        if not len(texts):
            raise ValueError(f"{self.name} needs at least one message")
        return self.score(self.statistics(texts).sum(0), texts.target)

    def signatures(self, targets: Sequence[str]) -> dict[str, str]:
        """What must be known to compute it again, by name; of these target languages where they differ."""
        return {}

    def notes(self, targets: Sequence[str]) -> list[str]:
        """What a reader must know about its figures in these target languages."""
        return []

    @property
    def column(self) -> str:
        """The column of its statistics in a table of message scores."""
        return f"{self.stored or self.name}_counts"


class MeanMetric(Metric):
    """The plain mean of a value that each message has by itself: subclasses give `values`."""

    width = 2

    @abstractmethod
    def values(self, texts: Translations) -> Sequence[float] | Floats:
        """[N] values, at most 2,000 either way."""

    def statistics(self, texts: Translations) -> Ints:
        """[N, 2]: value in millionths, and 1."""
        return mean_statistics(self.values(texts))

    def scores(self, sums: Floats) -> Floats:
        """Means [B]."""
        return mean_scores(sums)


def mean_statistics(values: Sequence[float] | Floats) -> Ints:
    """[N, 2] statistics of a mean over [N] values: millionths, and 1.

    Raises:
        ValueError: a value that is too large, or no number.
    """
    given = np.asarray(values, np.float64)
    if not (np.abs(given) <= _LARGEST).all():
        raise ValueError(f"values of messages lie between -{_LARGEST:g} and {_LARGEST:g}")
    whole = np.round(given * _UNITS).astype(np.int64)
    return np.stack([whole, np.ones_like(whole)], axis=1)


def mean_scores(sums: Floats) -> Floats:
    """Means [B] from summed `mean_statistics` [B, 2]; nan where a sample holds no message."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1] / _UNITS, np.nan)
