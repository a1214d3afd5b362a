"""Sides of a comparison that take turns in one process: what slows the machine for a while slows all of them."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def alternate(sides: Mapping[str, Callable[[], Any]], rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Seconds of each side in each round, after `warm_up` rounds that do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(warm_up + rounds):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            if number >= warm_up:
                seconds[name].append(time.perf_counter() - start)
    return seconds


@dataclass(frozen=True)
class Ratio:
    """How two sides compare: median, least and most over the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, above: Sequence[float], below: Sequence[float]) -> "Ratio":
        """`above` / `below`, round by round."""
        ratios = sorted(a / b for a, b in zip(above, below, strict=True))
        return cls(statistics.median(ratios), ratios[0], ratios[-1])

    def __format__(self, digits: str) -> str:
        """`{ratio:.3f}` gives the median as wanted, and the spread: `1.234 [1.10-1.30]`."""
        return f"{format(self.median, digits or '.2f')} [{self.least:.2f}-{self.most:.2f}]"
