"""Progress of long work: a bar on a terminal, a line now and then elsewhere, nothing for short work."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import TaskID as BarId

ItemT = TypeVar("ItemT")
QUIET_SECONDS: Final = 2.0  # shorter work shows nothing
LINE_SECONDS: Final = 30.0  # between two lines where there is no terminal
FORWARD_SECONDS: Final = 0.5  # between two events of a bar that another process shows
console: Final = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Said:
    """A line that another process shows for this one."""

    text: str


@dataclass(frozen=True)
class Moved:
    """A bar that another process shows for this one; `gone` when its work is over."""

    bar: int
    text: str
    done: float
    total: float | None
    gone: bool = False


Event = Said | Moved
_sends: list[Callable[[Event], None]] = []  # one, where another process shows what this one does


def forward(send: Callable[[Event], None]) -> None:
    """Let another process show lines and bars from here on."""
    _sends[:] = [send]


class Shown:
    """Shows the events of another process."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._bars: dict[int, ProgressBar] = {}

    def show(self, event: Event) -> None:
        """Print a line, or move a bar."""
        if isinstance(event, Said):
            say(event.text)
        elif event.gone:
            if event.bar in self._bars:
                self._bars.pop(event.bar).close()
        else:
            bar = self._bars.setdefault(event.bar, ProgressBar(event.text, event.total))
            bar.description = event.text
            bar.advance(event.done - bar.done)

    def close(self) -> None:
        """Take all bars away."""
        while self._bars:
            self._bars.popitem()[1].close()


def say(text: str) -> None:
    """Log one plain line and print it on stderr, above any bar; only the first process of a launch prints."""
    logging.getLogger(__name__).info(text)
    if os.environ.get("RANK", "0") != "0":
        return
    if _sends:
        _sends[0](Said(text))
    else:
        console.print(text, markup=False, soft_wrap=True)


def track(iterable: Iterable[ItemT], description: str, total: float | None = None) -> Iterator[ItemT]:
    """Yield the items and show how far it is.

    Args:
        total: number of items; taken from `len` where there is one.
    """
    known = len(iterable) if total is None and isinstance(iterable, Sized) else total
    with progress_bar(description, known) as bar:
        for item in iterable:
            yield item
            bar.advance()


def progress_bar(description: str, total: float | None = None) -> "ProgressBar":
    """A context manager to move by hand: `with progress_bar("train", steps) as bar: bar.advance()`."""
    return ProgressBar(description, total)


class ProgressBar:
    """One bar. It appears once the work has taken some seconds."""

    def __init__(self, description: str, total: float | None = None) -> None:
        """Name the work; `total` in the unit of `advance`, None when unknown."""
        self.description = description
        self.total = total
        self.done = 0.0
        self._started = self._spoken = time.monotonic()
        self._bar: BarId | None = None
        self._silent = os.environ.get("RANK", "0") != "0"

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Count work that is done; `note` is shown behind the description (a loss, a score)."""
        self.done += amount
        text = f"{self.description} {note}".rstrip()
        if self._silent:
            return
        if _sends:
            self._forward(text)
        elif time.monotonic() - self._started < QUIET_SECONDS:
            return
        elif console.is_terminal:
            self._draw(text)
        elif time.monotonic() - self._spoken >= LINE_SECONDS:
            self._spoken = time.monotonic()
            say(self._line(text))

    def __enter__(self) -> Self:
        """Start the clock."""
        self._started = self._spoken = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self.close()

    def close(self) -> None:
        """Take the bar away."""
        if _sends:
            _sends[0](Moved(id(self), "", self.done, self.total, gone=True))
        elif self._bar is not None:
            _display.leave(self._bar)

    def _forward(self, text: str) -> None:
        if time.monotonic() - self._spoken >= FORWARD_SECONDS:
            self._spoken = time.monotonic()
            _sends[0](Moved(id(self), text, self.done, self.total))

    def _draw(self, text: str) -> None:
        if self._bar is None:
            self._bar = _display.enter(text, self.total)
        _display.bars.update(self._bar, completed=self.done, description=text)

    def _line(self, text: str) -> str:
        seconds = time.monotonic() - self._started
        rate = self.done / seconds
        if not self.total:
            return f"{text}: {self.done:,.0f} in {seconds:.0f} s ({rate:,.1f}/s)"
        left = (self.total - self.done) / rate if rate else float("inf")
        share = self.done / self.total
        return f"{text}: {self.done:,.0f}/{self.total:,.0f} ({share:.0%}), {rate:,.1f}/s, {left:.0f} s left"


class _Display:
    """The one live area of the terminal, shared by nested bars."""

    def __init__(self) -> None:
        text, bar, count = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        self.bars = Progress(text, bar, count, TimeElapsedColumn(), TimeRemainingColumn(), console=console)
        self.shown = 0

    def enter(self, text: str, total: float | None) -> BarId:
        if self.shown == 0:
            self.bars.start()
        self.shown += 1
        return self.bars.add_task(text, total=total)

    def leave(self, bar: BarId) -> None:
        self.bars.remove_task(bar)
        self.shown -= 1
        if self.shown == 0:
            self.bars.stop()


_display: Final = _Display()
