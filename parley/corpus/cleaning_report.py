"""What cleaning did: per filter the rows and cells in and out, and five examples. Reports of parts add up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

EXAMPLES: Final = 5
Example = dict[str, str]


@dataclass
class FilterReport:
    """Counts of one filter; cells_in - dropped - stranded = cells_out.

    Attributes:
        dropped: cells the filter rejected, per language (for filters of whole rows, all cells of those rows).
        stranded: cells per language that left because fewer than two of their row remained.
        changed: cells per language that were rewritten.
        examples: the `EXAMPLES` smallest by a hash of row and language, so the choice does not depend on the workers.
    """

    name: str
    rows_in: int = 0
    rows_out: int = 0
    cells_in: int = 0
    cells_out: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    stranded: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, Example]] = field(default_factory=list)

    def __add__(self, other: "FilterReport") -> "FilterReport":
        examples = sorted(self.examples + other.examples, key=lambda ranked: (ranked[0], sorted(ranked[1].items())))
        return FilterReport(
            self.name,
            self.rows_in + other.rows_in,
            self.rows_out + other.rows_out,
            self.cells_in + other.cells_in,
            self.cells_out + other.cells_out,
            self.dropped + other.dropped,
            self.stranded + other.stranded,
            self.changed + other.changed,
            examples[:EXAMPLES],
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for `cleaning.json`."""
        return {
            "name": self.name,
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "cells_in": self.cells_in,
            "cells_out": self.cells_out,
            "cells_dropped": dict(sorted(self.dropped.items())),
            "cells_stranded": dict(sorted(self.stranded.items())),
            "cells_changed": dict(sorted(self.changed.items())),
            "examples": [example for _, example in self.examples],
        }


@dataclass
class CleaningReport:
    """Reports of all filters in the order they ran; `+` joins reports of other rows or of later filters."""

    filters: dict[str, FilterReport] = field(default_factory=dict)

    def __add__(self, other: "CleaningReport") -> "CleaningReport":
        return CleaningReport(_merged(self.filters, other.filters))

    def __radd__(self, other: int) -> "CleaningReport":
        return self  # lets sum() start at 0

    def stored(self) -> dict[str, Any]:
        """Plain JSON values from which `restored` makes an equal report."""
        return {name: vars(report) for name, report in self.filters.items()}

    @classmethod
    def restored(cls, stored: Mapping[str, Mapping[str, Any]]) -> "CleaningReport":
        """The report that `stored` described."""
        return cls({name: _filter_report(values) for name, values in stored.items()})

    def to_json(self) -> dict[str, Any]:
        """Rows in and out of everything, and each filter's counts and examples."""
        filters = list(self.filters.values())
        return {
            "rows_in": filters[0].rows_in if filters else 0,
            "rows_out": filters[-1].rows_out if filters else 0,
            "filters": [report.to_json() for report in filters],
        }


def _filter_report(values: Mapping[str, Any]) -> FilterReport:
    counters = {key: Counter(value) for key, value in values.items() if isinstance(value, Mapping)}
    examples = [(rank, example) for rank, example in values["examples"]]
    return FilterReport(**{**values, **counters, "examples": examples})


def _merged(first: Mapping[str, FilterReport], second: Mapping[str, FilterReport]) -> dict[str, FilterReport]:
    merged = dict(first)
    for name, report in second.items():
        merged[name] = merged[name] + report if name in merged else report
    return merged
