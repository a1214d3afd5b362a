"""What routing.html shows: which experts each language uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.report.pages.heat import Cell, HeatMap, shade
from parley.languages.table import LANGUAGES

Report = Mapping[str, Any]


def routing_context(report: Report) -> dict[str, Any]:
    """Variables of routing.html."""
    routing = report.get("routing", {})
    return {
        "report": report,
        "maps": routing_maps(routing),
        "information": information_rows(routing.get("mutual_information", {})),
    }


def layer_tables(routing: Report) -> dict[str, list[list[float]]]:
    """Tables [L][E] of L languages and E experts by layer; a single unnamed table is a layer without a name."""
    tables = routing.get("experts_by_language", {})
    return dict(tables) if isinstance(tables, Mapping) else {"": tables}


def routing_maps(routing: Report) -> list[HeatMap]:
    """Share of each language's tokens by expert, a table per layer."""
    codes = list(routing.get("languages", LANGUAGES))
    return [_routing_map(layer, table, codes) for layer, table in layer_tables(routing).items() if table]


def information_rows(information: Report) -> list[tuple[str, list[tuple[str, float]]]]:
    """Mutual information as (label, [(layer, bits), ...]); single numbers have an unnamed layer."""
    tables = {name: value if isinstance(value, Mapping) else {"": value} for name, value in information.items()}
    return [(name, [(str(layer), float(bits)) for layer, bits in table.items()]) for name, table in tables.items()]


def _routing_map(layer: str, table: Sequence[Sequence[float]], codes: Sequence[str]) -> HeatMap:
    high = max(max(row) for row in table)
    rows = dict(zip(codes, table, strict=False))
    shown = [code for code in codes if code in rows]
    cells: list[list[Cell | None]] = [
        [Cell(f"{100 * s:.0f}", f"{code}, expert {e}: {s:.1%}", shade(s, 0, high)) for e, s in enumerate(rows[code])]
        for code in shown
    ]
    experts = [str(expert) for expert in range(len(table[0]))]
    return HeatMap(layer, layer, "", shown, experts, cells, "0", f"{100 * high:.0f} %")
