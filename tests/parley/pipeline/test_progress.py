"""Progress: quiet for short work, lines where there is no terminal, a bar where there is one."""

import io

import pytest
from rich.console import Console

from parley.pipeline import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: time[0])
    return time


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=text, force_terminal=False, width=100))
    return text


def test_yields_everything_and_says_nothing_when_short(clock: list[float], screen: io.StringIO) -> None:
    assert list(progress.track(range(5), "count")) == [0, 1, 2, 3, 4]
    assert screen.getvalue() == ""


def test_a_line_now_and_then_without_a_terminal(clock: list[float], screen: io.StringIO) -> None:
    for _ in progress.track(range(100), "encode"):
        clock[0] += 1
    lines = screen.getvalue().splitlines()
    assert lines[0] == "encode: 30/100 (30%), 1.0/s, 70 s left"
    assert len(lines) == 3


def test_unknown_total(clock: list[float], screen: io.StringIO) -> None:
    with progress.progress_bar("read") as bar:
        clock[0] += 60
        bar.advance(6000, note="shard 2")
    assert screen.getvalue() == "read shard 2: 6,000 in 60 s (100.0/s)\n"


def test_only_the_first_process_speaks(
    clock: list[float], screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    with progress.progress_bar("train", 10) as bar:
        clock[0] += 60
        bar.advance()
    progress.say("hello")
    assert screen.getvalue() == ""


def test_nested_bars_on_a_terminal(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    terminal = Console(file=text, force_terminal=True, width=100)
    monkeypatch.setattr(progress, "console", terminal)
    monkeypatch.setattr(progress, "_display", progress._Display())
    with progress.progress_bar("train", 10) as outer:
        clock[0] += 10
        outer.advance(note="loss 3.21")
        for _ in progress.track(["a", "b"], "validate"):
            clock[0] += 3
    assert "train loss 3.21" in text.getvalue()
    assert "validate" in text.getvalue()
    assert progress._display.shown == 0
