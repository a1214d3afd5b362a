"""The template environment: autoescape everywhere, and how numbers are written."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from eval.report import line_charts
from eval.report.pages.word_marks import marked, spans_marked
from parley.languages.table import LANGUAGES, pair


@cache
def environment() -> Environment:
    """Jinja2 with the templates of this package; text from data is escaped wherever it is put."""
    made = Environment(
        loader=PackageLoader("eval.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=number,
        percent=percent,
        percents=percents,
        size=size,
        duration=duration,
        signed=signed,
        bounds=bounds,
        p_value=p_value,
        md=md,
    )
    made.globals.update(
        frame=line_charts, languages=LANGUAGES, split_pair=pair, marked=marked, spans_marked=spans_marked
    )
    return made


def render(template: str, context: Mapping[str, Any]) -> str:
    """One page as text."""
    return environment().get_template(template).render(context)


def number(value: float | None, digits: int = 1) -> str:
    """1,234.5; nothing for None."""
    return "" if value is None else f"{value:,.{digits}f}"


def signed(value: float | None, digits: int = 1) -> str:
    """+1.2 or −1.2."""
    if value is None:
        return ""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−")


def percent(share: float | None) -> str:
    """0.012 -> 1.2 %."""
    return "" if share is None else f"{100 * share:.1f} %"


def percents(interval: Sequence[float]) -> str:
    """1.2 to 3.4 %."""
    return f"{bounds([100 * end for end in interval])} %"


def bounds(interval: Sequence[float] | None, digits: int = 1) -> str:
    """40.1 to 42.3."""
    return f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}".replace("-", "−") if interval else ""


def p_value(value: float | None) -> str:
    """0.004, or < 0.001."""
    return "" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def size(count: float) -> str:
    """12.3 M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:.0f}"


def duration(seconds: float) -> str:
    """1 h 5 min, 2 min 3 s, 7.5 s."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def md(text: object) -> str:
    """Plain text inside a Markdown table: nothing in it can end a cell or become markup."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", line)
