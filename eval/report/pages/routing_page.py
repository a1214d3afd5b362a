"""What routing.html shows: which experts each language uses, and which languages share them."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.report.pages.heat import Cell, HeatMap, shade
from eval.report.pages.plots import dendrogram_svg
from eval.report.routing_clusters import MEAN, layer_tables
from parley.languages.table import LANGUAGES

Report = Mapping[str, Any]


def routing_context(report: Report) -> dict[str, Any]:
    """Variables of routing.html."""
    routing = report.get("routing", {})
    clusters = routing.get("clusters", {})
    nearest = clusters.get(MEAN, next(iter(clusters.values()), {})).get("nearest", {})
    return {
        "report": report,
        "maps": routing_maps(routing),
        "trees": [
            {"layer": layer, "svg": dendrogram_svg(cluster, f"Languages clustered by routing, {layer or 'all layers'}")}
            for layer, cluster in clusters.items()
        ],
        "nearest": [(code, other, _families(code, other)) for code, other in nearest.items()],
        "information": information_rows(routing.get("mutual_information", {})),
    }


def routing_maps(routing: Report) -> list[HeatMap]:
    """Share of each language's tokens by expert, a table per layer, languages as the dendrogram has them."""
    codes = list(routing.get("languages", LANGUAGES))
    orders = {layer: cluster["order"] for layer, cluster in routing.get("clusters", {}).items()}
    tables = {layer: table for layer, table in layer_tables(routing).items() if table}
    return [_routing_map(layer, table, codes, orders.get(layer, codes)) for layer, table in tables.items()]


def information_rows(information: Report) -> list[tuple[str, list[tuple[str, float]]]]:
    """Mutual information as (label, [(layer, bits), ...]); single numbers have an unnamed layer."""
    tables = {name: value if isinstance(value, Mapping) else {"": value} for name, value in information.items()}
    return [(name, [(str(layer), float(bits)) for layer, bits in table.items()]) for name, table in tables.items()]


def _routing_map(layer: str, table: Sequence[Sequence[float]], codes: Sequence[str], order: Sequence[str]) -> HeatMap:
    high = max(max(row) for row in table)
    rows = dict(zip(codes, table, strict=False))
    shown = [code for code in order if code in rows]
    cells: list[list[Cell | None]] = [
        [Cell(f"{100 * s:.0f}", f"{code}, expert {e}: {s:.1%}", shade(s, 0, high)) for e, s in enumerate(rows[code])]
        for code in shown
    ]
    experts = [str(expert) for expert in range(len(table[0]))]
    return HeatMap(layer, layer, "", shown, experts, cells, "0", f"{100 * high:.0f} %")


def _families(code: str, other: str) -> str:
    mine, theirs = LANGUAGES[code].family, LANGUAGES[other].family
    return f"both {mine}" if mine == theirs else f"{mine}, {theirs}"
