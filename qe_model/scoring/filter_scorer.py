"""Quality estimation as the back-translation filter calls it: texts and languages in, one number each out."""

from collections.abc import Callable, Sequence
from pathlib import Path


def load_filter(folder: Path) -> Callable[[Sequence[str], Sequence[str], Sequence[tuple[str, str]]], list[float]]:
    """Scores of 0 to 100, higher is better, by the model in the folder of a finished `qe` stage.

    Given are sources, translations, and the codes of source and target of each.

    Raises:
        InputError: not a quality-estimation model.
    """
    from qe_model.scoring.scorer import QualityScorer

    scorer = QualityScorer.load(folder)

    def score(sources: Sequence[str], targets: Sequence[str], languages: Sequence[tuple[str, str]]) -> list[float]:
        return [one.score for one in scorer.score_texts(sources, targets, languages, "quality estimation")]

    return score
