"""Quality estimation as the back-translation filter calls it: texts and languages in, one number each out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qe_model.scoring.scorer import QualityScorer


class FilterScorer:
    """Scores of 0 to 100 of a `QualityScorer`, higher is better."""

    def __init__(self, scorer: "QualityScorer") -> None:
        self.scorer = scorer

    def __call__(
        self, sources: Sequence[str], targets: Sequence[str], languages: Sequence[tuple[str, str]]
    ) -> list[float]:
        """A score for each of [N] translations; `languages` are source and target code of each."""
        said = self.scorer.score_texts(sources, targets, languages, description="quality estimation")
        return [one.score for one in said]


def load_filter(folder: Path) -> FilterScorer:
    """The scorer in the folder of a finished `qe` stage.

    Raises:
        InputError: not a quality-estimation model.
    """
    from qe_model.scoring.scorer import QualityScorer

    return FilterScorer(QualityScorer.load(folder))
