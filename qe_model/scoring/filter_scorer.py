"""Quality estimation as the back-translation filter calls it: texts and languages in, one number each out."""

from collections.abc import Callable, Sequence
from pathlib import Path

Scores = Callable[[Sequence[str], Sequence[str], Sequence[tuple[str, str]]], list[float]]


def load_filter(folder: Path) -> Scores:
    """Scores of 0 to 100, higher is better, by the model in the folder of a finished `qe` stage.

    Given are sources, translations, and the codes of source and target of each.

    Raises:
        InputError: not a quality-estimation model.
    """
    from qe_model.scoring.scorer import QualityScorer

    scorer = QualityScorer.load(folder)
    return lambda *texts: [one.score for one in scorer.score_texts(*texts, description="quality estimation")]
