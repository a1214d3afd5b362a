"""Every numeric series of a training log, thinned to what a picture can show."""

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Final

LOG_POINTS: Final = 200  # of each curve; more than a screen shows
Curve = list[list[float]]


def training_curves(path: Path) -> dict[str, Curve]:
    """Curves [[update, value], ...] by name; those of single directions are left out."""
    series: dict[str, Curve] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        if values.get("kind") == "resume":
            continue
        for key, value in values.items():
            if key != "update" and isinstance(value, int | float) and math.isfinite(value):
                series[key].append([values.get("update", 0), value])
    return {key: _thinned(points) for key, points in series.items() if key.count("/") < 2}


def _thinned(points: Curve) -> Curve:
    """Means over equal stretches, so that no part of the curve is left out."""
    width = -(-len(points) // LOG_POINTS)
    if width < 2:
        return points
    stretches = [points[i : i + width] for i in range(0, len(points), width)]
    return [[stretch[-1][0], sum(value for _, value in stretch) / len(stretch)] for stretch in stretches]
