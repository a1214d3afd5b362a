"""Does the score fall when a translation is damaged, and fall further with more damage? A check for the report.

A model that shares its blind spots with the translation model would not see its errors; words put in at random it
must see, in every language.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import numpy as np

from parley.languages.words import words_of
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.scoring.scorer import QualityScorer

SEED: Final = 1  # of the damage
LEVELS: Final = (0.0, 0.15, 0.3, 0.6, 1.0)  # shares of the words that are replaced


def damage_curves(
    scorer: QualityScorer, translations: Sequence[AnnotatedTranslation], levels: Sequence[float] = LEVELS
) -> dict[str, dict[str, Any]]:
    """By target language: `shares` of the words that are replaced, mean `scores` of 0 to 100, number of `messages`, and
    whether the mean `falls` at every step.

    The damage is nested: what is replaced at one level is replaced in the same way at the next.
    """
    pools = _pools(translations)
    versions = [
        replace(one, target=damaged(one, level, pools[one.target_lang]), spans=(), target_words=None)
        for one in translations
        for level in levels
    ]
    scores = np.array([said.score for said in scorer.score(versions)]).reshape(len(translations), len(levels))
    curves: dict[str, dict[str, Any]] = {}
    for code in sorted(pools):
        rows = [place for place, one in enumerate(translations) if one.target_lang == code]
        means = scores[rows].mean(0).round(3).tolist()
        falls = all(after < before for before, after in pairwise(means))
        curves[code] = {"shares": list(levels), "scores": means, "messages": len(rows), "falls": falls}
    return curves


def damaged(one: AnnotatedTranslation, share: float, pool: Sequence[str]) -> str:
    """The translation with a share of its words, one at least unless it is 0, replaced by words of other messages."""
    words = words_of(one.target)
    draw = random.Random(f"{SEED} {one.id}")
    order = draw.sample(range(len(words)), len(words))
    fresh = [draw.choice(pool) for _ in words]
    chosen = set(order[: max(1, round(share * len(words)))] if share else [])
    text, end = "", 0
    for place, (start, stop) in enumerate(words):
        text += one.target[end:start] + (fresh[place] if place in chosen else one.target[start:stop])
        end = stop
    return text + one.target[end:]


def _pools(translations: Sequence[AnnotatedTranslation]) -> Mapping[str, Sequence[str]]:
    """Words of each target language, as often as they occur."""
    pools: dict[str, list[str]] = {}
    for one in translations:
        found = pools.setdefault(one.target_lang, [])
        found += [one.target[start:end] for start, end in words_of(one.target) if one.target[start:end].isalnum()]
    return {code: words or ["?"] for code, words in pools.items()}
