"""Outputs of systems and the scores of each, looked up by system and direction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eval.scoring.message_scores import FLAGS, KEYS, direction_lines, statistics_of
from eval.testsets.outputs import SCHEMA
from parley.languages.table import directions
from parley.metrics.metric import Metric, Translations
from parley.metrics.ngrams import Floats, Ints
from parley.pipeline.errors import InputError

OUTPUTS: Final = "outputs.parquet"
SCORES: Final = "message_scores.parquet"  # beside the outputs, line by line
COLUMNS: Final = ("row_id", "domain", "source", "reference", "hypothesis")


@dataclass(frozen=True)
class DirectionOutputs:
    """One system's outputs in one direction, columns of [N] texts.

    Attributes:
        scored: table of message scores of these lines; None where none are stored.
    """

    direction: str
    row_ids: list[str]
    domains: list[str]
    sources: list[str]
    references: list[str]
    hypotheses: list[str]
    scored: pa.Table | None = None
    _counted: dict[str, Ints] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        """Number of messages."""
        return len(self.row_ids)

    def statistics(self, metric: Metric) -> Ints:
        """[N, width] statistics of a metric; counted from the texts where they are not stored."""
        if metric.name not in self._counted:
            if self.scored is not None and metric.column in self.scored.column_names:
                found = statistics_of(self.scored, metric)
            else:
                texts = Translations(self.direction, self.sources, self.references, self.hypotheses)
                found = metric.statistics(texts)[:, : metric.width]
            self._counted[metric.name] = found
        return self._counted[metric.name]

    def scores(self, metric: Metric) -> Floats:
        """[N] score of each message by itself."""
        return np.nan_to_num(metric.scores(self.statistics(metric).astype(np.float64)))

    @cached_property
    def keys(self) -> list[tuple[str, str, str]]:
        """What makes a message the same one elsewhere: id, source and reference."""
        return list(zip(self.row_ids, self.sources, self.references, strict=True))

    @cached_property
    def place(self) -> dict[str, int]:
        """Line of each message id."""
        return {row_id: line for line, row_id in enumerate(self.row_ids)}

    @cached_property
    def flags(self) -> list[list[str]]:
        """[N] names of the failures that each message shows."""
        if self.scored is None:
            return [[] for _ in self.row_ids]
        columns = {name: self.scored[name].to_pylist() for name in FLAGS if name in self.scored.column_names}
        return [[name for name, column in columns.items() if column[line]] for line in range(len(self))]

    def take(self, lines: Sequence[int]) -> "DirectionOutputs":
        """Some of the messages."""
        columns = (self.row_ids, self.domains, self.sources, self.references, self.hypotheses)
        ids, domains, sources, references, hypotheses = ([column[line] for line in lines] for column in columns)
        scored = None if self.scored is None else self.scored.take(pa.array(lines, pa.int64()))
        return DirectionOutputs(self.direction, ids, domains, sources, references, hypotheses, scored)


class StoredOutputs:
    """Outputs of all systems and directions."""

    def __init__(self, outputs: pa.Table, messages: pa.Table | None = None) -> None:
        """Keep the tables.

        Args:
            outputs: columns of `eval.testsets.outputs.SCHEMA`.
            messages: their scores (`eval.scoring.message_scores`), aligned line by line.
        """
        self.outputs, self.messages = outputs, messages
        self._lines = direction_lines(outputs)
        self.systems = list(dict.fromkeys(outputs["system"].to_pylist()))

    @property
    def directions(self) -> list[str]:
        """Directions that any system has, in the fixed order."""
        found = {direction for _, direction in self._lines}
        return [direction for direction in directions() if direction in found]

    def get(self, system: str, direction: str) -> DirectionOutputs | None:
        """One system's outputs in one direction; None where it has none."""
        lines = self._lines.get((system, direction))
        if lines is None:
            return None
        places = pa.array(lines, pa.int64())
        rows = self.outputs.select(list(COLUMNS)).take(places)
        scored = None if self.messages is None else self.messages.take(places)
        ids, domains, sources, references, hypotheses = (rows[name].to_pylist() for name in COLUMNS)
        return DirectionOutputs(direction, ids, domains, sources, references, hypotheses, scored)

    def by_system(self, direction: str) -> dict[str, DirectionOutputs]:
        """Outputs of all systems in one direction."""
        found = {system: self.get(system, direction) for system in self.systems}
        return {system: outputs for system, outputs in found.items() if outputs is not None}


def common_lines(a: DirectionOutputs, b: DirectionOutputs) -> tuple[list[int], list[int]]:
    """Lines of both that are the same message, in step."""
    place = {key: line for line, key in enumerate(a.keys)}
    both = [(place[key], line) for line, key in enumerate(b.keys) if key in place]
    return [line for line, _ in both], [line for _, line in both]


def message_places(stored: StoredOutputs) -> Mapping[str, int]:
    """A number for each message id, the same for all directions and systems that share it."""
    return {row_id: number for number, row_id in enumerate(dict.fromkeys(stored.outputs["row_id"].to_pylist()))}


def read_outputs(files: Sequence[Path]) -> StoredOutputs:
    """Outputs of all systems in one table, with the scores beside them where all have scores of the same lines.

    Raises:
        InputError: a file that is not readable as Parquet, or lacks a column.
    """
    tables, scores = [], []
    for path in files:
        table = _table(path)
        missing = [name for name in SCHEMA.names if name not in table.column_names]
        if missing:
            raise InputError(f"{path}: no column {', '.join(missing)}; outputs have {', '.join(SCHEMA.names)}")
        tables.append(table.select(SCHEMA.names))
        beside = path.with_name(SCORES)
        scored = _table(beside) if beside.is_file() else None
        if scored is not None and all(scored[key].equals(table[key]) for key in KEYS):
            scores.append(scored)
    if not tables:
        empty = SCHEMA.empty_table()
        return StoredOutputs(empty, empty.select(list(KEYS)))
    whole = len(scores) == len(tables)
    return StoredOutputs(
        pa.concat_tables(tables), pa.concat_tables(scores, promote_options="default") if whole else None
    )


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from error
