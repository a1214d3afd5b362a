"""The metrics by name. One file of this package each; a metric from elsewhere registers itself in the same way.

@metric
class ExactMatch(MeanMetric):
    name, label = "exact_match", "Exact match"

    def values(self, texts): return [100.0 * (h == r) for h, r in zip(texts.hypotheses, texts.references)]
"""

from typing import Final, TypeVar

from parley.metrics.metric import Metric
from parley.registry import Registry

METRICS: Final = Registry[Metric]("metric", "parley.metrics")
DEFAULTS: Final = ("chrf", "chrfpp", "bleu")  # of an evaluation; the first leads: differences are tested with it
MetricT = TypeVar("MetricT", bound=Metric)


def metric(made: type[MetricT]) -> type[MetricT]:
    """Class decorator: adds the metric under its own `name`."""
    METRICS.register(made.name)(made())
    return made
