"""Which messages a direction's page shows: wins and losses between systems, and each system's worst."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from eval.stored_outputs import DirectionOutputs, common_lines
from parley.metrics.metric import Metric

Json = dict[str, Any]
SHOWN: Final = 8  # messages on each side of a comparison
WORST: Final = 12  # messages of each system; enough to leave some where a reader filters them
LEAST: Final = 5.0  # points that a message must gain or lose to be shown


def shown_messages(
    outputs: Mapping[str, DirectionOutputs], compared: Sequence[tuple[str, str]], metric: Metric
) -> Json:
    """Key `telling` of a direction.

    Returns:
        `wins` and `losses` of b against a: lists of {a, b, row_id, delta}; `worst`: by system, {row_id, score, flags}
        with the score under the metric's name.
    """
    found: Json = {"wins": [], "losses": [], "worst": {}}
    scores = {system: mine.scores(metric) for system, mine in outputs.items()}
    for a, b in compared:
        lines_a, lines_b = common_lines(outputs[a], outputs[b])
        deltas = scores[b][lines_b] - scores[a][lines_a]
        ids = [outputs[a].row_ids[line] for line in lines_a]
        ranked = np.argsort(deltas, kind="stable").tolist()
        for key, order, sign in (("wins", ranked[::-1], 1), ("losses", ranked, -1)):
            far = [place for place in order[:SHOWN] if sign * deltas[place] >= LEAST]
            found[key] += [{"a": a, "b": b, "row_id": ids[i], "delta": round(float(deltas[i]), 1)} for i in far]
    for system, mine in outputs.items():
        found["worst"][system] = [
            {"row_id": mine.row_ids[i], metric.name: round(float(scores[system][i]), 1), "flags": mine.flags[i]}
            for i in np.argsort(scores[system], kind="stable")[:WORST].tolist()
        ]
    return found
