"""Test sets: a table with one column per language, from a corpus artifact or any file that the corpus reads."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import pyarrow as pa

from parley.corpus.config import CorpusConfig
from parley.corpus.source_config import SourceConfig
from parley.corpus.sources.registry import open_reader
from parley.languages.normalisation import normalise
from parley.languages.table import CODES, directions, meant_by, pair
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from parley.reading.parquet import as_text
from parley.reading.rows import ending

FORMATS: Final = ("parquet", "tsv", "csv", "jsonl", "tmx")  # of the corpus
META_COLUMNS: Final = ("row_id", "domain", "split", "origin")


@dataclass(frozen=True)
class TestSet:
    """Messages in several languages.

    Attributes:
        name: where it is from, for messages.
        row_ids: [R] one per message.
        domains: [R] source or topic.
        texts: by language code, [R] text or None where the message has no such cell.
    """

    __test__: ClassVar[bool] = False  # not a test class, whatever pytest thinks of the name

    name: str
    row_ids: list[str]
    domains: list[str]
    texts: dict[str, list[str | None]]

    @property
    def languages(self) -> list[str]:
        """Codes of the languages it holds, in the fixed order."""
        return [code for code in CODES if code in self.texts]

    def rows(self, direction: str, limit: int = 0, seed: int = 1) -> list[int]:
        """Messages of one direction: those with both cells, at most `limit` of them (0: all).

        The choice depends on seed and row ids alone, and prefers the same messages in every direction, so that
        directions are compared on common ground. Result in table order.
        """
        source, target = (self.texts.get(code, []) for code in pair(direction))
        both = [row for row, cells in enumerate(zip(source, target, strict=False)) if all(cells)]
        return self.sample(both, limit, str(seed)) if limit else both

    def sample(self, rows: Sequence[int], limit: int, key: str) -> list[int]:
        """At most `limit` of the rows, in table order; the choice depends on key and row ids alone."""
        ranked = sorted(rows, key=lambda row: _rank(self.row_ids[row], key))
        return sorted(ranked[:limit])

    def directions(self, wanted: Sequence[str] = ()) -> list[str]:
        """Directions that have messages; with `wanted`, exactly those.

        Raises:
            InputError: a wanted direction is malformed, lacks a column, or has no message; or none has any.
        """
        for direction in wanted:
            self._require(direction)
        found = list(dict.fromkeys(wanted)) or [d for d in directions(self.languages) if self.rows(d)]
        if not found:
            raise InputError(f"{self.name}: no row has text in two languages (columns {', '.join(self.languages)})")
        return found

    def _require(self, direction: str) -> None:
        for code in pair(direction):
            if code not in self.texts:
                raise InputError(
                    f"{self.name}: pair {direction} needs column '{code}'; columns are {', '.join(self.languages)}"
                )
        if not self.rows(direction):
            raise InputError(f"{self.name}: pair {direction} has no row with both cells filled")


def from_table(table: pa.Table, name: str, languages: Iterable[str] = CODES) -> TestSet:
    """Take the language columns of a table.

    Raises:
        InputError: fewer than two language columns, a column that is not text, no row, or a row id that comes twice.
    """
    found = [code for code in languages if code in table.column_names]
    if len(found) < 2:
        raise InputError(f"{name}: needs a column per language, at least two{_near_columns(table.column_names)}")
    if not table.num_rows:
        raise InputError(f"{name}: no rows to evaluate on")
    texts = {c: [cell or None for cell in normalise(as_text(table[c], c, name)).to_pylist()] for c in found}
    ids = _strings(table, "row_id", [str(row) for row in range(1, table.num_rows + 1)])
    first: dict[str, int] = {}
    for row, row_id in enumerate(ids, 1):
        if first.setdefault(row_id, row) != row:
            raise InputError(f"{name}: message {row} has the row_id '{row_id}' of message {first[row_id]}")
    return TestSet(name, ids, _strings(table, "domain", [""] * table.num_rows), texts)


def load(path: Path, split: str = "test") -> TestSet:
    """Read a test set as a source of the corpus is read; a `split` column, where there is one, selects the rows.

    Raises:
        InputError: file missing or unreadable, no such split, wrong columns.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    forms = {f".{form}": form for form in FORMATS}
    if ending(path) not in forms:
        raise InputError(f"{path}: a test set is one of {', '.join(forms)}")
    reader = open_reader(SourceConfig(forms[ending(path)], str(path.absolute())), CorpusConfig())
    shape = reader.head()
    if shape.unread:
        say(f"{path}: not read: {', '.join(shape.unread)}")
    tables = list(reader.tables())
    if not tables:
        raise InputError(f"{path}: no rows to evaluate on")
    table = pa.concat_tables(tables, promote_options="default")
    if "split" in table.column_names:
        splits = table["split"].to_pylist()
        table = table.filter(pa.array([value == split for value in splits]))
        if not table.num_rows:
            raise InputError(f"{path}: split '{split}' is empty; splits are {', '.join(sorted(map(str, set(splits))))}")
    return from_table(table, str(path))


def _near_columns(names: Sequence[str]) -> str:
    """The columns found, and the code each was probably meant to be."""
    if not names:
        return "; the file is empty"
    unknown = [name for name in names if name not in META_COLUMNS and name not in CODES]
    hints = ", ".join(f"'{name}' -> '{code}'" for name in unknown if (code := meant_by(name)))
    return f"; found {', '.join(names[:20])}" + (f" (meant: {hints}?)" if hints else "") + f"; codes: {' '.join(CODES)}"


def _strings(table: pa.Table, column: str, default: list[str]) -> list[str]:
    if column not in table.column_names:
        return default
    return [str(value) for value in table[column].to_pylist()]


def _rank(row_id: str, key: str) -> bytes:
    return hashlib.blake2b(f"{key}:{row_id}".encode(), digest_size=8).digest()
