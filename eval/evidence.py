"""What is known of one evaluation: its report and, where they lie beside it, the outputs of its systems."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from eval.scoring.message_scores import counts_of
from parley.metrics.chrf import chrf_statistics
from parley.metrics.ngrams import Ints
from parley.pipeline.errors import InputError

Report = Mapping[str, Any]
REPORT: Final = "report.json"
OUTPUTS: Final = "outputs.parquet"
SCORES: Final = "message_scores.parquet"  # beside the outputs, line by line
COUNTS: Final = "chrf_counts"
COLUMNS: Final = ("pair", "system", "row_id", "domain", "source", "reference", "hypothesis")


@dataclass(frozen=True)
class Messages:
    """One system's outputs in one direction, columns of [N] texts."""

    row_ids: list[str]
    domains: list[str]
    sources: list[str]
    references: list[str]
    hypotheses: list[str]
    counts: Ints | None = None

    def __len__(self) -> int:
        """Number of messages."""
        return len(self.row_ids)

    @cached_property
    def chrf(self) -> Ints:
        """[N, 24] chrF counts per message; counted from the texts where they are not stored."""
        return self.counts if self.counts is not None else chrf_statistics(self.hypotheses, self.references)

    @cached_property
    def keys(self) -> list[tuple[str, str, str]]:
        """What makes a message the same one elsewhere: id, source and reference."""
        return list(zip(self.row_ids, self.sources, self.references, strict=True))

    def take(self, lines: Sequence[int]) -> "Messages":
        """Some of the messages."""
        counts = None if self.counts is None else self.counts[list(lines)]
        columns = (self.row_ids, self.domains, self.sources, self.references, self.hypotheses)
        chosen = [[column[line] for line in lines] for column in columns]
        return Messages(chosen[0], chosen[1], chosen[2], chosen[3], chosen[4], counts)


@dataclass(frozen=True)
class Evidence:
    """A report and the outputs it rests on.

    Attributes:
        report: content of report.json.
        name: for messages: a run's name or a path.
        outputs: table with `COLUMNS`, and `COUNTS` where chrF counts are stored; None where no outputs are.
    """

    report: Report
    name: str = "report"
    outputs: pa.Table | None = None
    _cache: dict[tuple[str, str], Messages] = field(default_factory=dict, repr=False, compare=False)

    @property
    def systems(self) -> list[str]:
        """Names of the systems that have scores."""
        return list(self.report.get("mean", {}))

    def pairs(self, system: str) -> dict[str, dict[str, Any]]:
        """Scores of one system by direction."""
        entries = self.report.get("pairs", {}).items()
        return {direction: entry["systems"][system] for direction, entry in entries if system in entry["systems"]}

    def messages(self, system: str, direction: str) -> Messages | None:
        """Outputs of one system in one direction; None where none are stored."""
        lines = self._lines.get((system, direction))
        if lines is None or self.outputs is None:
            return None
        if (system, direction) not in self._cache:
            rows = self.outputs.take(pa.array(lines, pa.int64()))
            found = [rows[name].to_pylist() for name in ("row_id", "domain", "source", "reference", "hypothesis")]
            counts = counts_of(rows, COUNTS) if COUNTS in rows.column_names else None
            self._cache[system, direction] = Messages(found[0], found[1], found[2], found[3], found[4], counts)
        return self._cache[system, direction]

    @cached_property
    def _lines(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        if self.outputs is not None:
            names = (self.outputs[name].to_pylist() for name in ("system", "pair"))
            for line, key in enumerate(zip(*names, strict=True)):
                found[key].append(line)
        return dict(found)


def load_evidence(path: Path, name: str = "") -> Evidence:
    """Read a report.json, the folder that holds one, or a run's folder; and the outputs it rests on.

    Outputs are looked for beside the report, and in the run's evaluation stages that the report names.

    Raises:
        InputError: no report there, or one that cannot be read.
    """
    places = [path, path / REPORT, path / "report" / REPORT]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise InputError(f"{path}: no {REPORT} there")
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable as JSON ({error})") from error
    if not isinstance(report, dict) or not isinstance(report.get("pairs"), dict):
        raise InputError(f"{file}: not a report of this project (no key 'pairs')")
    tables = [_read(part) for part in outputs_files(file.parent, report)]
    title = name or str(report.get("run", {}).get("name") or path)
    return Evidence(report, title, _joined(tables) if tables else None)


def outputs_files(folder: Path, report: Report) -> list[Path]:
    """Files of outputs that belong to the report in `folder`."""
    beside = folder / OUTPUTS
    if beside.is_file():
        return [beside]
    stages = report.get("run", {}).get("fingerprints", {}).items()
    roots = (folder.parent, folder.parent.parent)  # the report may lie in runs/X/report or runs/X/report/FINGERPRINT
    found = [root / stage / fingerprint / OUTPUTS for root in roots for stage, fingerprint in stages]
    return [path for path in found if path.is_file()]


def _read(path: Path) -> pa.Table:
    """Outputs, with the chrF counts that lie beside them when they are of the same lines."""
    table = _table(path)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; outputs have {', '.join(COLUMNS)}")
    table = table.select(list(COLUMNS))
    beside = path.with_name(SCORES)
    if not beside.is_file():
        return table
    scores = _table(beside)
    keys = ("pair", "system", "row_id")
    if COUNTS in scores.column_names and all(scores[key].equals(table[key]) for key in keys):
        table = table.append_column(COUNTS, scores[COUNTS])
    return table


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """All systems in one table; counts are kept only where all have them."""
    counted = all(COUNTS in table.column_names for table in tables)
    return pa.concat_tables(table if counted else table.select(list(COLUMNS)) for table in tables)


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from error
