"""Languages clustered by the experts they use: average linkage (UPGMA) on Jensen-Shannon distances.

L languages, E experts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from parley.metrics.significance import Floats

Json = dict[str, Any]
MEAN: Final = "mean"


def cluster_routing(routing: Mapping[str, Any]) -> Json:
    """Clusters of each layer's table, and of the mean distance over layers.

    Args:
        routing: the key of report.json: `languages` and `experts_by_language`.

    Returns:
        By layer, and under `mean`: `order` (languages as the dendrogram lays them out), `merges` as [left, right,
        height] in the numbering of scipy's linkage (L + i is the cluster of merge i), `nearest` by language.
    """
    codes = list(routing.get("languages", []))
    tables = {layer: np.asarray(table, float) for layer, table in layer_tables(routing).items()}
    distances = {layer: jensen_shannon(table) for layer, table in tables.items() if len(table) == len(codes) > 1}
    if not distances:
        return {}
    if len(distances) > 1:
        distances[MEAN] = np.mean(list(distances.values()), axis=0)
    return {layer: _clusters(distance_LL, codes) for layer, distance_LL in distances.items()}


def layer_tables(routing: Mapping[str, Any]) -> dict[str, list[list[float]]]:
    """Tables [L][E] by layer; a single unnamed table is a layer without a name."""
    tables = routing.get("experts_by_language", {})
    return dict(tables) if isinstance(tables, Mapping) else {"": tables}


def jensen_shannon(shares_LE: Floats) -> Floats:
    """Distances [L, L], 0 to 1: square root of the Jensen-Shannon divergence in bits of two rows (Lin 1991)."""
    rows = shares_LE / np.maximum(shares_LE.sum(1, keepdims=True), 1e-12)
    middle_LLE = (rows[:, None] + rows[None]) / 2

    def divergence(rows_LLE: Floats) -> Floats:
        ratio = np.where(rows_LLE > 0, rows_LLE / np.maximum(middle_LLE, 1e-300), 1.0)
        return (rows_LLE * np.log2(ratio)).sum(-1)

    both = (np.broadcast_to(rows[:, None], middle_LLE.shape), np.broadcast_to(rows[None], middle_LLE.shape))
    return np.sqrt(np.clip((divergence(both[0]) + divergence(both[1])) / 2, 0.0, 1.0))


def linkage(distance_LL: Floats) -> list[tuple[int, int, float]]:
    """Merges of average linkage: the two clusters, by number, and the mean distance between their members."""
    members = {index: [index] for index in range(len(distance_LL))}
    merges: list[tuple[int, int, float]] = []
    while len(members) > 1:
        names = sorted(members)
        pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
        mean = {(a, b): float(distance_LL[np.ix_(members[a], members[b])].mean()) for a, b in pairs}
        a, b = min(pairs, key=lambda ab: (mean[ab], ab))
        members[len(distance_LL) + len(merges)] = members.pop(a) + members.pop(b)
        merges.append((a, b, mean[a, b]))
    return merges


def leaves(merges: Sequence[tuple[int, int, float]], count: int) -> list[int]:
    """Items in the order in which the dendrogram lays them out."""

    def below(node: int) -> list[int]:
        if node < count:
            return [node]
        left, right, _ = merges[node - count]
        return below(left) + below(right)

    return below(count + len(merges) - 1) if merges else list(range(count))


def _clusters(distance_LL: Floats, codes: Sequence[str]) -> Json:
    merges = linkage(distance_LL)
    apart = distance_LL + np.diag(np.full(len(codes), np.inf))
    return {
        "order": [codes[index] for index in leaves(merges, len(codes))],
        "merges": [[a, b, round(height, 4)] for a, b, height in merges],
        "nearest": {code: codes[int(apart[row].argmin())] for row, code in enumerate(codes)},
    }
