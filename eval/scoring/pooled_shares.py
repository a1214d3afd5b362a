"""Shares of failed messages over all directions into one language, with the number of messages that they are worth."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.scoring.message_scores import RATES
from parley.languages.table import pair

if TYPE_CHECKING:
    from eval.scoring.direction_scores import DirectionScores


def pooled_shares(scored: Mapping[tuple[str, str], "DirectionScores"], system: str) -> dict[str, dict[str, Any]]:
    """By target language and share: `share`, `n`, `effective_n`.

    Directions share messages, so outputs into a language depend on each other: `effective_n` is the number of
    independent messages with the bootstrap's variance (Korn and Graubard 1998).
    """
    into: dict[str, list[DirectionScores]] = defaultdict(list)
    for (name, direction), found in scored.items():
        if name == system:
            into[pair(direction)[1]].append(found)
    return {
        code: {key: _pooled(found, key) for key in RATES.values() if key in found[0].scores}
        for code, found in into.items()
    }


def _pooled(found: Sequence["DirectionScores"], key: str) -> dict[str, float]:
    n = sum(one.n for one in found)
    share = float(np.mean([one.scores[key] for one in found]))
    variance = float(np.var(np.mean([one.samples[key] for one in found], axis=0)))
    effective = min(float(n), share * (1 - share) / variance) if variance else float(n)
    return {"share": share, "n": n, "effective_n": round(effective, 1)}
