"""Quality estimation as the back-translation filter calls it: texts and languages in, one number each out."""

from collections.abc import Callable, Sequence
from pathlib import Path

FilterScorer = Callable[[Sequence[str], Sequence[str], Sequence[tuple[str, str]]], list[float]]


def load_filter(folder: Path) -> FilterScorer:
    """Scores of 0 to 100, higher is better, by the model in the folder of a finished `qe` stage.

    What it gives is called with sources, translations, and source and target code of each.

    Raises:
        InputError: not a quality-estimation model.
    """
    from qe_model.scoring.scorer import QualityScorer

    scorer = QualityScorer.load(folder)

    def scores(sources: Sequence[str], targets: Sequence[str], languages: Sequence[tuple[str, str]]) -> list[float]:
        return [one.score for one in scorer.score_texts(sources, targets, languages, "quality estimation")]

    return scores
