"""What routing.html shows: which experts each language uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.report.pages.heat import Cell, HeatMap, shade

Report = Mapping[str, Any]


def routing_context(report: Report) -> dict[str, Any]:
    """Variables of routing.html."""
    routing = report.get("routing", {})
    return {
        "report": report,
        "maps": routing_maps(routing),
        "information": information_rows(routing.get("mutual_information", {})),
    }


def routing_maps(routing: Report) -> list[HeatMap]:
    """Share of each language's tokens by expert, a table [L][E] per layer."""
    tables = routing.get("experts_by_language", {})
    return [_routing_map(layer, table, routing["languages"]) for layer, table in tables.items()]


def information_rows(information: Report) -> list[tuple[str, list[tuple[str, float]]]]:
    """Mutual information as (label, [(layer, bits), ...]); the mean over layers has an unnamed one."""
    tables = {name: value if isinstance(value, Mapping) else {"": value} for name, value in information.items()}
    return [(name, [(str(layer), float(bits)) for layer, bits in table.items()]) for name, table in tables.items()]


def _routing_map(layer: str, table: Sequence[Sequence[float]], codes: Sequence[str]) -> HeatMap:
    high = max(max(row) for row in table)
    cells: list[list[Cell | None]] = [
        [Cell(f"{100 * s:.0f}", f"{code}, expert {e}: {s:.1%}", shade(s, 0, high)) for e, s in enumerate(row)]
        for code, row in zip(codes, table, strict=True)
    ]
    experts = [str(expert) for expert in range(len(table[0]))]
    return HeatMap(layer, layer, "", list(codes), experts, cells, "0", f"{100 * high:.0f} %")
