"""index.html from report.json: one self-contained page that shows nothing the JSON does not hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from eval import curves
from training.languages import CODES, pair

Report = Mapping[str, Any]
_PALETTE: Final = ((247, 251, 255), (158, 202, 225), (49, 130, 189), (8, 48, 107))  # light to dark blue


@dataclass(frozen=True)
class Cell:
    """One field of a heat map."""

    text: str
    title: str
    style: str
    outlined: bool = False


@dataclass(frozen=True)
class HeatMap:
    """A table of coloured cells; `cells` has one row per row name, None where there is no value."""

    title: str
    row_names: list[str]
    column_names: list[str]
    cells: list[list[Cell | None]]
    low: float
    high: float
    outlined: bool = False


def render(report: Report) -> str:
    """The page as text.

    Args:
        report: what report.json holds; keys that are absent leave their section out.
    """
    environment = Environment(
        loader=PackageLoader("eval"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=_number, percent=_percent, size=_size, duration=_duration)
    return environment.get_template("report.html").render(
        report=report,
        split_pair=pair,
        systems=list(report.get("mean", {})),
        matrices=[score_map(report, system) for system in report.get("mean", {})],
        charts=curves.charts(report.get("training", {}).get("curves", {})),
        routing=routing_maps(report.get("routing", {})),
        information=information_rows(report.get("routing", {}).get("mutual_information", {})),
        directions=direction_rows(report),
        languages=language_rows(report),
        cleaning=cleaning_rows(report.get("data", {}).get("cleaning")),
        frame=curves,
    )


def score_map(report: Report, system: str) -> HeatMap:
    """chrF of one system, source languages down, target languages across; pairs withheld from training outlined."""
    pairs = {d: entry["systems"][system] for d, entry in report["pairs"].items() if system in entry["systems"]}
    codes = [code for code in CODES if any(code in pair(direction) for direction in pairs)]
    values = [scores["chrf"] for scores in pairs.values()]
    low, high = min(values), max(values)
    withheld = withheld_directions(report)

    def cell(direction: str) -> Cell | None:
        if direction not in pairs:
            return None
        score, n = pairs[direction], report["pairs"][direction]["n"]
        bounds = "{:.1f} to {:.1f}".format(*score["chrf_ci"])
        title = f"{direction}: chrF {score['chrf']:.1f} ({bounds}), {n} messages"
        return Cell(f"{score['chrf']:.0f}", title, heat(score["chrf"], low, high), direction in withheld)

    cells = [[cell(f"{source}-{target}") for target in codes] for source in codes]
    return HeatMap(system, codes, codes, cells, low, high, bool(withheld & set(pairs)))


def routing_maps(routing: Report) -> list[HeatMap]:
    """Share of each language's tokens by expert, a table per layer."""
    tables = routing.get("experts_by_language", {})
    if isinstance(tables, list):
        tables = {"": tables}
    codes = routing.get("languages", list(CODES))
    return [_routing_map(name, rows, codes) for name, rows in tables.items() if rows]


def _routing_map(name: str, rows: list[list[float]], codes: list[str]) -> HeatMap:
    high = max(max(row) for row in rows)
    shares = [
        [
            Cell(f"{100 * share:.0f}", f"{code}, expert {e}: {share:.1%}", heat(share, 0, high))
            for e, share in enumerate(row)
        ]
        for code, row in zip(codes, rows, strict=False)
    ]
    cells: list[list[Cell | None]] = [[*row] for row in shares]
    return HeatMap(name, codes[: len(rows)], [str(e) for e in range(len(rows[0]))], cells, 0, 100 * high)


def information_rows(information: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, float]]]]:
    """Mutual information as (label, [(layer, bits), ...]); single numbers have an unnamed layer."""
    tables = {name: value if isinstance(value, Mapping) else {"": value} for name, value in information.items()}
    return [(name, [(str(layer), float(bits)) for layer, bits in table.items()]) for name, table in tables.items()]


def withheld_directions(report: Report) -> set[str]:
    """Both directions of every pair that training never saw directly."""
    found = set()
    for name in report.get("data", {}).get("withheld_pairs", []):
        source, target = pair(name)
        found |= {f"{source}-{target}", f"{target}-{source}"}
    return found


def direction_rows(report: Report) -> list[dict[str, Any]]:
    """One row per direction and system for the sortable table."""
    withheld = withheld_directions(report)
    return [
        {"direction": direction, "system": system, "n": entry["n"], "withheld": direction in withheld, **scores}
        for direction, entry in report.get("pairs", {}).items()
        for system, scores in entry["systems"].items()
    ]


def language_rows(report: Report) -> list[dict[str, Any]]:
    """Per language: messages by split from the corpus, and how the vocabulary fits it."""
    counts = report.get("data", {}).get("languages", {})
    fits = report.get("tokenizer", {}).get("languages", {})
    return [
        {"code": code, **counts.get(code, {}), **fits.get(code, {})} for code in CODES if code in {**counts, **fits}
    ]


def cleaning_rows(cleaning: Any) -> list[dict[str, Any]]:
    """The filters of the corpus stage, as a list of flat records whatever their grouping."""
    entries = cleaning.get("filters", []) if isinstance(cleaning, Mapping) else cleaning or []
    if isinstance(entries, Mapping):
        entries = [{"name": name, **facts} for name, facts in entries.items()]
    return [dict(entry) for entry in entries]


def heat(value: float, low: float, high: float) -> str:
    """Inline style: background from light to dark as value goes from low to high, text that stays readable on it."""
    share = (value - low) / (high - low) if high > low else 0.5
    place = min(max(share, 0.0), 1.0) * (len(_PALETTE) - 1)
    index = min(int(place), len(_PALETTE) - 2)
    mix = place - index
    colour = [round(a + (b - a) * mix) for a, b in zip(_PALETTE[index], _PALETTE[index + 1], strict=True)]
    light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 140
    return f"background:#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x};color:{'#111' if light else '#fff'}"


def _number(value: float, digits: int = 1) -> str:
    return f"{value:,.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _size(count: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:.0f}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes // 60} h {minutes % 60} min"
        if minutes >= 60
        else f"{minutes} min {rest} s"
        if minutes
        else f"{rest} s"
    )
