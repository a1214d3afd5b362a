"""Where the time of a run goes: its stages side by side on one line of time, from their manifests."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def timeline(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Stages in the order of their start: name, seconds, fingerprint, `left` and `width` in per cent of the line.

    Time in which no stage ran, between two calls of a run for instance, is left out of the line.
    """
    run = report.get("run", {})
    seconds, finished, prints = run.get("seconds", {}), run.get("finished", {}), run.get("fingerprints", {})
    ends = {name: datetime.fromisoformat(finished[name]).timestamp() for name in seconds if name in finished}
    spans = sorted((end - seconds[name], end, name) for name, end in ends.items())
    rows, line, busy_until = [], 0.0, float("-inf")
    for start, end, name in spans:
        left = line - max(0.0, busy_until - start)
        line, busy_until = max(line, left + end - start), max(busy_until, end)
        rows.append({"name": name, "seconds": seconds[name], "left": left, "width": end - start})
    scale = 100 / (line or 1.0)
    return [
        row | {"left": row["left"] * scale, "width": row["width"] * scale, "fingerprint": prints.get(row["name"], "")}
        for row in rows
    ]
