"""How well predicted error words and spans agree with annotated ones, from counts that add up over messages.

Each metric is a function of summed counts [B, S] -> [B], so that one bootstrap over documents serves all of them.
Legend: B samples, N translations, S counts, L positions of a text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parley.metrics import agreement
from parley.metrics.significance import Bootstrap, Floats, ScoreFunction, interval
from qe_model.annotations.annotation import SEVERITY_LABELS, ErrorSpan
from qe_model.arrays import Ints

LEVELS: Final = len(SEVERITY_LABELS)
SEED: Final = 1  # of the resampling
_PARTIAL_CREDIT: Final = 0.5  # for the right place with the wrong severity, as at WMT23 to WMT25


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; nan where it is not defined (no error word, no pair, ...)."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | list[float] | None]:
        """`value` and `ci`, null in place of nan."""
        low, high = (None if np.isnan(one) else one for one in (self.low, self.high))
        ci = None if low is None or high is None else [low, high]
        return {"value": None if np.isnan(self.value) else self.value, "ci": ci}


class DocumentBootstrap:
    """Resampled documents: translations of one document, by whatever system, come and go together."""

    def __init__(self, documents: Sequence[str], samples: int = 1000) -> None:
        """Take the document of each of N translations.

        Raises:
            ValueError: no translation.
        """
        numbers: dict[str, int] = {}
        self.rows: Ints = np.array([numbers.setdefault(name, len(numbers)) for name in documents], np.int64)
        self.documents = len(numbers)
        self._bootstrap = Bootstrap(self.documents, samples, SEED)

    def estimate(self, counts: NDArray[np.generic], score: ScoreFunction, rows: Ints | None = None) -> Estimate:
        """Score of the summed counts, with its interval.

        Args:
            counts: [N, S], or [M, S] with `rows`.
            score: summed counts [B, S] -> [B].
            rows: [M] document number of each line of counts, where lines are not translations.
        """
        sums = self._per_document(counts.astype(np.float64), self.rows if rows is None else rows)
        samples = self._bootstrap.sums(sums, range(self.documents))  # type: ignore[arg-type]
        low, high = interval(score(samples))
        return Estimate(float(score(sums.sum(0, keepdims=True))[0]), low, high)

    def weights(self) -> Floats:
        """[B, documents]: how often each document is drawn."""
        return self._bootstrap.sums(np.eye(self.documents, dtype=np.int64), range(self.documents))

    def _per_document(self, counts: Floats, rows: Ints) -> Floats:
        sums = np.zeros((self.documents, counts.shape[1]))
        np.add.at(sums, rows, counts)
        return sums


def confusion(gold: Sequence[int] | Ints, predicted: Sequence[int] | Ints) -> Ints:
    """[16]: words by gold severity (rows of four) and predicted severity.

    Raises:
        ValueError: not as many predictions as words.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"{len(gold)} words but {len(predicted)} predictions")
    cells = np.asarray(gold, np.int64) * LEVELS + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=LEVELS * LEVELS).astype(np.int64)


def mcc(counts: Floats) -> Floats:
    """Matthews correlation of bad against ok [B] from confusions [B, 16]; 0 where one side is all bad or all ok."""
    return agreement.mcc(np.stack(_binary(counts), axis=1))


def f1_bad(counts: Floats) -> Floats:
    """F1 of bad words [B] from confusions [B, 16]; nan without any, marked or predicted."""
    _, false_bad, missed, hits = _binary(counts)
    return _ratio(2 * hits, 2 * hits + false_bad + missed)


def severity_macro_f1(counts: Floats) -> Floats:
    """Mean F1 over ok, minor, major, critical [B] from confusions [B, 16]; classes without a gold word are left out."""
    table = counts.reshape(-1, LEVELS, LEVELS)
    gold, predicted = table.sum(2), table.sum(1)
    f1 = _ratio(2 * np.diagonal(table, axis1=1, axis2=2), gold + predicted)
    there = gold > 0
    return _ratio(np.where(there, np.nan_to_num(f1), 0).sum(1), there.sum(1).astype(float))


def span_counts(gold: Iterable[ErrorSpan], predicted: Iterable[ErrorSpan], length: int) -> Floats:
    """[3]: credit, predicted characters, gold characters of one text, as the error spans of WMT25 are scored.

    A character marked by both earns 1, or one half when the severities differ. There are two of them, minor and major:
    critical errors are major. A character in several spans counts several times; omissions hold none. Where
    neither side marks anything the organisers say 1, and we nothing.
    """
    gold_2L, predicted_2L = _marks(gold, length), _marks(predicted, length)
    same_2L = np.minimum(gold_2L, predicted_2L)
    other_L = np.minimum((gold_2L - same_2L).sum(0), (predicted_2L - same_2L).sum(0))
    credit = same_2L.sum() + _PARTIAL_CREDIT * other_L.sum()
    return np.array([credit, predicted_2L.sum(), gold_2L.sum()], np.float64)


def span_f1(counts: Floats) -> Floats:
    """Micro-averaged F1 of marked characters with partial credit [B] from [B, 3]."""
    return _ratio(2 * counts[:, 0], counts[:, 1] + counts[:, 2])


def span_precision(counts: Floats) -> Floats:
    """Credit per predicted character [B] from [B, 3]."""
    return _ratio(counts[:, 0], counts[:, 1])


def span_recall(counts: Floats) -> Floats:
    """Credit per gold character [B] from [B, 3]."""
    return _ratio(counts[:, 0], counts[:, 2])


WORD_METRICS: Final[Mapping[str, ScoreFunction]] = {
    "mcc": mcc,
    "f1_bad": f1_bad,
    "severity_macro_f1": severity_macro_f1,
}
SPAN_METRICS: Final[Mapping[str, ScoreFunction]] = {
    "span_f1": span_f1,
    "span_precision": span_precision,
    "span_recall": span_recall,
}


@dataclass(frozen=True)
class Threshold:
    """Words with a score of at least `value` are bad; `mcc` is what that reached where it was tuned."""

    value: float
    mcc: float


def best_threshold(scores: Floats, bad: NDArray[np.bool_]) -> Threshold:
    """The threshold with the highest MCC; of equal ones the highest. Tune it on dev, never on test.

    Args:
        scores: [W] per word, higher is worse; finite.
        bad: [W].
    """
    if not len(scores):
        return Threshold(float("inf"), 0.0)
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order]
    last_of_value = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    hits = np.cumsum(bad[order])[last_of_value].astype(np.float64)
    marked = (np.flatnonzero(last_of_value) + 1).astype(np.float64)
    counts = np.zeros((len(hits), LEVELS * LEVELS))
    counts[:, LEVELS + 1], counts[:, 1] = hits, marked - hits
    counts[:, LEVELS], counts[:, 0] = bad.sum() - hits, len(bad) - bad.sum() - marked + hits
    reached = mcc(counts)
    best = int(np.argmax(reached))
    return Threshold(float(sorted_scores[last_of_value][best]), float(reached[best]))


def _binary(counts: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """ok/ok, ok taken for bad, bad taken for ok, bad/bad, each [B]."""
    table = counts.reshape(-1, LEVELS, LEVELS)
    return table[:, 0, 0], table[:, 0, 1:].sum(1), table[:, 1:, 0].sum(1), table[:, 1:, 1:].sum((1, 2))


def _ratio(upper: Floats, lower: Floats) -> Floats:
    return np.divide(upper, lower, out=np.full(np.broadcast(upper, lower).shape, np.nan), where=lower != 0)


def _marks(spans: Iterable[ErrorSpan], length: int) -> Ints:
    """[2, length] how many minor, and major, spans hold each character."""
    marks_2L = np.zeros((2, length), np.int64)
    for span in spans:
        if span.placed and span.side == "target":
            marks_2L[int(span.severity != "minor"), span.start : span.end] += 1
    return marks_2L
