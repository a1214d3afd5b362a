"""Source contracts: the shape of every source, held against what was declared and against the last run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from parley.corpus.source_config import SourceConfig
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError


@dataclass(frozen=True)
class Shape:
    """What a source looks like.

    Attributes:
        columns: the source's own column -> Arrow type.
        languages: codes that it gives.
        rows: None when that is not known before all of it is read.
        encoding: of its text.
        unread: columns and languages that nothing is read from.
    """

    columns: Mapping[str, str]
    languages: list[str]
    rows: int | None = None
    encoding: str = "utf-8"
    unread: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `Shape(**values)` is equal again."""
        return asdict(self)


def check_declared(source: SourceConfig, shape: Shape) -> None:
    """Hold a source against its own configuration.

    Raises:
        InputError: a declared language is absent, a type differs, or there are too few rows.
    """
    for column, declared in source.types.items():
        found = shape.columns.get(column)
        if found is None:
            has = " ".join(shape.columns)
            raise InputError(f"source '{source.name}': no column '{column}'; it has: {has}")
        if found != declared:
            raise InputError(f"source '{source.name}': column '{column}' is {found}, declared {declared}")
    missing = [code for code in source.languages if code not in shape.languages]
    if missing:
        has = " ".join(shape.languages) or "none"
        raise InputError(f"source '{source.name}': no text in declared language '{missing[0]}'; it has: {has}")
    if shape.rows is not None and shape.rows < source.min_rows:
        raise InputError(f"source '{source.name}': {shape.rows} rows, but its contract says at least {source.min_rows}")


def differences(before: Shape, after: Shape) -> list[str]:
    """What was lost or changed; what was only added is no difference."""
    found = []
    for column, kind in before.columns.items():
        if column not in after.columns:
            found.append(f"column '{column}' is gone")
        elif after.columns[column] != kind:
            found.append(f"column '{column}' was {kind}, now {after.columns[column]}")
    found += [f"language '{code}' is gone" for code in before.languages if code not in after.languages]
    if after.encoding != before.encoding:
        found.append(f"encoding was {before.encoding}, now {after.encoding}")
    if before.rows is not None and after.rows is not None and after.rows < before.rows:
        found.append(f"{before.rows} rows became {after.rows}")
    return found


@dataclass
class ContractBook:
    """The shapes of the last run, kept in a JSON file; without a file nothing is remembered."""

    path: Path | None
    accept_changes: bool = False
    shapes: dict[str, Shape] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str, accept_changes: bool = False) -> "ContractBook":
        """Read the file if there is one.

        Raises:
            InputError: it is not such a file.
        """
        book = cls(Path(path) if path else None, accept_changes)
        if book.path and book.path.exists():
            try:
                stored = json.loads(book.path.read_text(encoding="utf-8"))
                book.shapes = {name: Shape(**shape) for name, shape in stored.items()}
            except (OSError, ValueError, TypeError, AttributeError) as error:
                raise InputError(f"{path}: not a file of source contracts; delete it to start anew") from error
        return book

    def check(self, source: SourceConfig, shape: Shape) -> None:
        """Hold a source against its declaration and the last run.

        Raises:
            InputError: with all differences in one line.
        """
        check_declared(source, shape)
        if source.name in self.shapes and not self.accept_changes:
            found = differences(self.shapes[source.name], shape)
            if found:
                raise InputError(
                    f"source '{source.name}' changed since the last run: {'; '.join(found)}. "
                    "If that is right, run with data.accept_changes=true"
                )

    def record(self, shapes: Mapping[str, Shape]) -> None:
        """Remember the shapes of a finished run; sources that it did not have stay as they were."""
        if self.path:
            self.shapes = {**self.shapes, **shapes}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, {name: self.shapes[name].to_json() for name in sorted(self.shapes)})
