"""Line charts as plain numbers: polylines and ticks in pixels, for the report's inline SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Points = Sequence[Sequence[float]]
WIDTH: Final = 480
HEIGHT: Final = 220
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 10, 26  # margins


@dataclass(frozen=True)
class Line:
    """One curve: `points` is an SVG polyline, `last` its final value."""

    name: str
    points: str
    last: float


@dataclass(frozen=True)
class Chart:
    """Curves over one pair of axes; ticks are (pixel, label)."""

    title: str
    lines: list[Line]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]


def charts(curves: Mapping[str, Points]) -> list[Chart]:
    """One chart per quantity (loss, chrF, off-target rate), training and validation curves together."""
    wanted = (("loss", "Loss (nats per token)"), ("chrf", "chrF on dev"), ("off_target", "Off-target rate on dev"))
    found = []
    for kind, title in wanted:
        series = {name: points for name, points in curves.items() if name.rpartition("/")[2] == kind and points}
        if series:
            found.append(chart(title, series))
    return found


def chart(title: str, series: Mapping[str, Points]) -> Chart:
    """Scale series of [x, y] points into one chart."""
    x_low, x_high = 0.0, max(point[0] for points in series.values() for point in points) or 1.0
    y_marks = ticks(*_bounds([point[1] for points in series.values() for point in points]))
    y_low, y_high = y_marks[0], y_marks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM), 1)

    lines = [
        Line(name, " ".join("{},{}".format(*place(*point)) for point in points), points[-1][1])
        for name, points in series.items()
    ]
    x_ticks = [(place(x, y_low)[0], _label(x)) for x in ticks(x_low, x_high) if x <= x_high]
    return Chart(title, lines, x_ticks, [(place(0.0, y)[1], _label(y)) for y in y_marks])


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers that cover low..high in about `count` steps."""
    raw = (high - low) / count
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """Range of the values, of some height even where all are equal."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _label(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:g}"
