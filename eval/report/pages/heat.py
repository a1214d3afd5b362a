"""Heat maps as tables of classed cells: source languages down, target languages across, a link to each pair's page."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from eval.report.pages.environment import bounds, signed
from eval.scoring.shown_metrics import shown_metrics
from eval.system_names import telling_pairs
from parley.languages.table import CODES, pair

Report = Mapping[str, Any]
STEPS: Final = 10  # colours s0..s10 of a scale, d0..d10 around zero
Scale = Literal["s", "d"]


@dataclass(frozen=True)
class Cell:
    """One field of a heat map; `style` is a class of the style sheet."""

    text: str
    title: str
    style: str
    href: str = ""
    outlined: bool = False


@dataclass(frozen=True)
class HeatMap:
    """A table of coloured cells; `cells` has one row per row name, None where there is no value."""

    key: str
    title: str
    note: str
    row_names: list[str]
    column_names: list[str]
    cells: list[list[Cell | None]]
    low: str
    high: str
    scale: Scale = "s"
    outlined: bool = False


@dataclass(frozen=True)
class Figure:
    """A value of one direction, as it is written in the cell and in the cell's title."""

    value: float
    text: str
    title: str


def direction_maps(report: Report) -> list[HeatMap]:
    """Every map of the overview that the report has figures for: scores by system, gaps, change since promoted."""
    maps, lead = [], shown_metrics(report)[0]
    for system in report.get("mean", {}):
        maps += [
            _system_map(report, system, lead["name"], lead["label"], _score(lead)),
            _system_map(report, system, "off_target", "Off target, %", _share("off_target", "off target")),
            _system_map(report, system, "qe", "QE score", _quality),
        ]
    maps += [_gap_map(report, a, b) for a, b in telling_pairs(list(report.get("mean", {})))]
    changes = report.get("comparison", {}).get("systems", {})
    maps += [_change_map(report, system, entry) for system, entry in changes.items()]
    return [found for found in maps if found is not None]


def withheld_directions(report: Report) -> set[str]:
    """Both directions of every pair that training never saw directly."""
    found = set()
    for name in report.get("data", {}).get("withheld_pairs", []):
        source, target = pair(name)
        found |= {f"{source}-{target}", f"{target}-{source}"}
    return found


def shade(value: float, low: float, high: float, scale: Scale = "s") -> str:
    """Class of a colour: s0 (low) to s10 (high), or d0 to d10 with zero at d5."""
    if scale == "d":
        reach = max(abs(low), abs(high)) or 1.0
        return f"d{round((min(max(value / reach, -1.0), 1.0) + 1) * STEPS / 2)}"
    share = (value - low) / (high - low) if high > low else 0.5
    return f"s{round(min(max(share, 0.0), 1.0) * STEPS)}"


def _system_map(
    report: Report, system: str, key: str, title: str, figure: Callable[[Mapping[str, Any]], Figure | None]
) -> HeatMap | None:
    entries = {d: entry["systems"][system] for d, entry in report["pairs"].items() if system in entry["systems"]}
    figures = {direction: found for direction, scores in entries.items() if (found := figure(scores))}
    if not figures:
        return None
    values = [found.value for found in figures.values()]
    low, high = (0.0, max(*values, 0.01)) if key == "off_target" else (min(values), max(values))
    ends = (f"{100 * low:.0f}", f"{100 * high:.1f}") if key == "off_target" else (f"{low:.1f}", f"{high:.1f}")
    return _map(report, f"{key}:{system}", f"{title}, {system}", "", figures, low, high, ends)


def _gap_map(report: Report, a: str, b: str) -> HeatMap | None:
    figures, lead = {}, shown_metrics(report)[0]
    for direction, entry in report["pairs"].items():
        if a in entry["systems"] and b in entry["systems"]:
            delta = entry["systems"][b][lead["name"]] - entry["systems"][a][lead["name"]]
            tested = next((c for c in entry.get("comparisons", []) if (c["a"], c["b"]) == (a, b)), None)
            sure = f" ({bounds(tested['delta_ci'])})" if tested else ""
            figures[direction] = Figure(delta, signed(delta), f"{lead['label']} {signed(delta)}{sure}")
    note = f"{lead['label']} of {b} minus that of {a}: blue is better, orange is worse."
    return _signed_map(report, f"gap:{a}:{b}", f"Gap {a} → {b}", note, figures)


def _change_map(report: Report, system: str, entry: Mapping[str, Any]) -> HeatMap | None:
    figures, label = {}, shown_metrics(report)[0]["label"]
    for direction, found in entry["pairs"].items():
        sign = "" if found["verdict"] == "same" else "*"
        title = f"{label} {signed(found['delta'])} ({bounds(found['delta_ci'])}), {found['verdict']}"
        figures[direction] = Figure(found["delta"], f"{signed(found['delta'])}{sign}", title)
    note = (
        f"{label} minus that of the promoted model: blue is better, orange is worse; "
        "* significant for all tests together."
    )
    return _signed_map(report, f"change:{system}", f"Change since promoted, {system}", note, figures)


def _signed_map(report: Report, key: str, title: str, note: str, figures: Mapping[str, Figure]) -> HeatMap | None:
    if not figures:
        return None
    reach = max(1.0, *(abs(found.value) for found in figures.values()))
    return _map(report, key, title, note, figures, -reach, reach, (signed(-reach), signed(reach)), "d")


def _map(
    report: Report,
    key: str,
    title: str,
    note: str,
    figures: Mapping[str, Figure],
    low: float,
    high: float,
    ends: tuple[str, str],
    scale: Scale = "s",
) -> HeatMap:
    codes = shown_codes(figures)
    withheld = withheld_directions(report)

    def cell(direction: str) -> Cell | None:
        found = figures.get(direction)
        if found is None:
            return None
        style, marked = shade(found.value, low, high, scale), direction in withheld
        return Cell(found.text, f"{direction}: {found.title}", style, f"pairs/{direction}.html", marked)

    cells = [[cell(f"{source}-{target}") for target in codes] for source in codes]
    return HeatMap(key, title, note, codes, codes, cells, *ends, scale, bool(withheld & set(figures)))


def shown_codes(found: Iterable[str]) -> list[str]:
    """Languages of the directions, in the fixed order."""
    used = {code for direction in found for code in pair(direction)}
    return [code for code in CODES if code in used]


def _score(metric: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Figure | None]:
    name, label = metric["name"], metric["label"]

    def figure(scores: Mapping[str, Any]) -> Figure | None:
        title = f"{label} {scores[name]:.1f} ({bounds(scores.get(f'{name}_ci'))})"
        return Figure(scores[name], f"{scores[name]:.0f}", title)

    return figure


def _share(key: str, label: str) -> Callable[[Mapping[str, Any]], Figure | None]:
    def figure(scores: Mapping[str, Any]) -> Figure | None:
        if scores.get(key) is None:
            return None
        return Figure(scores[key], f"{100 * scores[key]:.0f}", f"{100 * scores[key]:.1f} % {label}")

    return figure


def _quality(scores: Mapping[str, Any]) -> Figure | None:
    score = (scores.get("qe") or {}).get("score")
    return None if score is None else Figure(score, f"{score:.1f}", f"QE score {score:.2f}")
