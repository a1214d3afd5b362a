"""How many messages may go out without a look: those that quality estimation scores above a threshold of its dev."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from parley.metrics.ngrams import Floats, Ints
from parley.metrics.significance import Bootstrap, interval

Json = dict[str, Any]
ALL: Final = "*"  # thresholds and labels of all directions together
_ROUNDING: Final = 1e-3  # of stored scores


def labels_for(report: Mapping[str, Any], direction: str) -> str:
    """Whose thresholds and labels count in a direction: its own where it has them, else those of all."""
    return direction if direction in report.get("qe", {}).get("error_free", {}).get("groups", {}) else ALL


def add_publishable(report: Json, scored: Mapping[str, Mapping[str, tuple[Floats, Ints]]], draw: Bootstrap) -> None:
    """Put key `publishable` beside the scores of quality estimation, by direction and over all; without labels nothing.

    Args:
        report: with `qe` of its systems; changed in place.
        scored: by direction and system: scores [N], and their messages' numbers in the draw [N].
    """
    found: dict[str, list[tuple[Json, Floats]]] = {}
    groups = report.get("qe", {}).get("error_free", {}).get("groups", {})
    for direction, systems in scored.items() if groups else ():
        labels = labels_for(report, direction)
        for system, (scores, numbers) in systems.items():
            told, drawn = publishable(groups[labels], scores, numbers, draw)
            report["pairs"][direction]["systems"][system]["qe"]["publishable"] = told
            found.setdefault(system, []).append((told, drawn))
    for system, parts in found.items():
        levels = list(groups[ALL]["levels"])
        values = np.array([[told[level] for level in levels] for told, _ in parts]).mean(0)
        means = shares(levels, values, np.nanmean([drawn for _, drawn in parts], axis=0))
        report["mean"][system]["qe"]["publishable"] = means


def publishable(group: Json, scores: Floats, numbers: Ints, draw: Bootstrap) -> tuple[Json, Floats]:
    """The share of a system's messages that goes out, by precision wanted on dev and along the labels' curve.

    Args:
        group: of `report.qe.error_free.groups`.
        scores: [N] of the system's messages.
        numbers: [N] of the messages in the draw.

    Returns:
        {"0.9": share, "0.9_ci": interval, ..., "coverage": [share for each point of the curve]}; and bootstrap samples
        [B, levels] of the shares, nan where a sample has no message.
    """
    limits = [level["score"] for level in group["levels"].values()]
    goes_out = np.stack([scores >= (np.inf if limit is None else limit - _ROUNDING) for limit in limits], axis=1)
    sums = draw.sums(np.insert(goes_out.astype(np.int64), 0, 1, axis=1), numbers)
    drawn = sums[:, 1:] / np.where(sums[:, :1] > 0, sums[:, :1], np.nan)
    coverage = [round(float((scores >= point[0] - _ROUNDING).mean()), 4) for point in group["curve"]]
    return shares(group["levels"], goes_out.mean(0), drawn) | {"coverage": coverage}, drawn


def shares(levels: Iterable[str], values: Floats, drawn: Floats) -> Json:
    """Shares with their intervals by level, from [levels] and samples [B, levels]."""
    found: Json = {}
    for place, level in enumerate(levels):
        found[level] = round(float(values[place]), 4)
        found[f"{level}_ci"] = [round(end, 4) for end in interval(drawn[:, place])]
    return found
