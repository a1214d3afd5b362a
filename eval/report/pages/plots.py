"""Small plots as inline SVG: intervals and distributions. Colours are classes of the style sheet."""

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from eval.report.line_charts import ticks

COLOURS: Final = 6  # classes c0 .. c5
INTERVAL_WIDTH: Final = 150
_HISTOGRAM = (520, 190, 34, 24)  # width, height, left and lower margin


def interval_svg(value: float, ends: Sequence[float], low: float, high: float, colour: int = 0) -> Markup:
    """A dot with its interval on a scale from low to high; a line at zero where zero is on the scale."""
    return intervals_svg([(value, ends, colour)], low, high)


def intervals_svg(marks: Sequence[tuple[float, Sequence[float], int]], low: float, high: float) -> Markup:
    """Dots with intervals below one another: (value, (from, to), colour) each, on a scale from low to high."""

    def place(x: float) -> str:
        share = (x - low) / (high - low) if high > low else 0.5
        return f"{4 + min(max(share, 0.0), 1.0) * (INTERVAL_WIDTH - 8):.1f}"

    height = 4 + 10 * len(marks)
    text = '<svg class="ci" width="{0}" height="{1}" viewBox="0 0 {0} {1}" aria-hidden="true">'
    parts = [Markup(text).format(INTERVAL_WIDTH, height)]
    if low < 0 < high:
        parts.append(Markup('<line class="axis" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(place(0), height))
    for row, (value, ends, colour) in enumerate(marks):
        line = '<g class="c{0}"><line x1="{1}" x2="{2}" y1="{4}" y2="{4}"/><circle cx="{3}" cy="{4}" r="3.5"/></g>'
        spots = (place(ends[0]), place(ends[1]), place(value), 7 + 10 * row)
        parts.append(Markup(line).format(colour % COLOURS, *spots))
    return Markup("").join([*parts, Markup("</svg>")])


def common_scale(intervals: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Ends of a scale on which all intervals lie."""
    low, high = min(ends[0] for ends in intervals), max(ends[1] for ends in intervals)
    return (low, high) if high > low else (low - 1, high + 1)


def histogram_svg(series: Mapping[str, Sequence[int]], label: str) -> Markup:
    """Distributions over 0 to 100 as steps, one line per series; heights are shares of the messages."""
    width, height, left, foot = _HISTOGRAM
    shares = {name: [count / max(1, sum(counts)) for count in counts] for name, counts in series.items()}
    top = max(0.05, *(max(values) for values in shares.values()))

    def point(x: float, y: float) -> str:
        return f"{left + x * (width - left - 14):.1f},{height - foot - y / top * (height - foot - 8):.1f}"

    parts = [Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(width, height, label)]
    for y in ticks(0, top, 3):
        if y <= top:
            across, up = point(0, y).split(",")
            text = '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>'
            parts.append(Markup(text).format(across, width - 14, up, up, left - 5, float(up) + 4, f"{100 * y:g} %"))
    for x in range(0, 101, 20):
        text = '<text x="{}" y="{}" text-anchor="middle">{}</text>'
        parts.append(Markup(text).format(point(x / 100, 0).split(",")[0], height - 6, x))
    for place, values in enumerate(shares.values()):
        steps = [point(i / len(values) + edge / len(values), y) for i, y in enumerate(values) for edge in (0, 1)]
        parts.append(Markup('<polyline class="c{}" points="{}"/>').format(place % COLOURS, " ".join(steps)))
    return Markup("").join([*parts, Markup("</svg>")])
