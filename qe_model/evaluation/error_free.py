"""Which translations may go out without a look: precision and coverage on held-out ones, by thresholds of dev."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.labels import style_of
from qe_model.arrays import Bools, Floats
from qe_model.evaluation.metrics import DocumentBootstrap
from qe_model.evaluation.sentence_metrics import publishable
from qe_model.scoring.decisions import ANY, Decisions
from qe_model.scoring.publishable import NOTHING, has_error
from qe_model.scoring.scorer import QualityScore, score_of

Row = tuple[str, str, float, bool]  # direction, document, score, whether it is free of errors
COVERAGES: Final = tuple(step / 10 for step in range(1, 11))  # of the curve


def labelled_rows(
    translations: Sequence[AnnotatedTranslation], scores: Sequence[QualityScore], style: str
) -> list[Row]:
    """What is to be known of each translation that was annotated in a style and with severities."""
    return [
        (one.direction, one.document, said.score, not has_error(one))
        for one, said in zip(translations, scores, strict=True)
        if style_of(one) == style and "severity" in one.known
    ]


def error_free(rows: Sequence[Row], decisions: Decisions, samples: int = 1000) -> dict[str, Any]:
    """Key `error_free` of qe_scores.json; empty where dev chose no thresholds or nothing is labelled.

    Returns:
        `style` of the labels; `groups`: by direction with thresholds of its own, and `*` for all together:
        `translations`; `error_free`, their share; `levels`, by precision wanted on dev: the lowest `score` that goes
        out (null: none reaches it), `precision` and `coverage`; `curve` of [score, coverage, precision]. Intervals are
        over documents.
    """
    prefix = f"{decisions.style}/"
    tuned = {key.removeprefix(prefix): levels for key, levels in decisions.error_free.items() if key.startswith(prefix)}
    found = {}
    for name, penalties in tuned.items():
        mine = [row for row in rows if name in (row[0], ANY)]
        if mine:
            found[name] = _group(mine, penalties, samples)
    return {"style": decisions.style, "groups": found} if found else {}


def _group(rows: Sequence[Row], penalties: Mapping[str, float], samples: int) -> dict[str, Any]:
    scores, free = np.array([row[2] for row in rows]), np.array([row[3] for row in rows], bool)
    bootstrap = DocumentBootstrap([row[1] for row in rows], samples)
    levels = {}
    for share, penalty in penalties.items():
        threshold = score_of(penalty) if penalty > NOTHING else np.inf
        told = publishable(scores >= threshold, free, bootstrap)
        score = threshold if penalty > NOTHING else None
        levels[share] = {"score": score, "precision": told["precision"], "coverage": told["coverage"]}
    share_free = publishable(free, free, bootstrap)["clean"]
    return {"translations": len(rows), "error_free": share_free, "levels": levels, "curve": _curve(scores, free)}


def _curve(scores: Floats, free: Bools) -> list[tuple[float, float, float]]:
    """Points (score, coverage, precision): what goes out when translations of that score and above do."""
    thresholds = dict.fromkeys(np.quantile(scores, [1 - share for share in COVERAGES], method="lower").tolist())
    return [(limit, float((scores >= limit).mean()), float(free[scores >= limit].mean())) for limit in thresholds]
