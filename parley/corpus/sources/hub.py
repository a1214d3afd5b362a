"""Hub datasets through `datasets`, streamed; also local folders and data files that `datasets` understands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.contract import Shape
from parley.corpus.sources.columns import languages_of, mapped, picked
from parley.corpus.sources.reader import WHOLE, Part, Reader
from parley.corpus.sources.registry import SOURCES
from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from parley.reading.parquet import BATCH_ROWS, flat_types


@SOURCES.register("hub")
class HubReader(Reader):
    """Subset after subset, split after split; or, with `join`, one subset per language, joined by a key."""

    by_file = False

    def files(self) -> list[Path]:
        """Local files only; what lies on the Hub is told apart by `revision`."""
        folder = self.root / self.source.path
        if self._is_folder():
            return sorted(path for path in folder.rglob("*") if path.is_file())
        return [path for path in map(self.root.joinpath, self.source.data_files.values()) if path.is_file()]

    def head(self) -> Shape:
        types: dict[str, str] = {}
        languages: set[str] = set()
        for subset in self._subsets():
            split = next(iter(self._splits()))
            first = next(self._stream(subset, split), None)
            if first is None:
                raise InputError(f"{self._where(subset, split)}: the split is empty")
            found = flat_types(first.schema)
            types |= found
            languages |= set(self._columns(found, subset, split).values())
        return Shape(types, [code for code in CODES if code in languages])

    def tables(self, part: Part = WHOLE) -> Iterator[pa.Table]:
        """As of every reader, but `max_rows` is of each subset and split."""
        return self.read(part)

    def read(self, part: Part) -> Iterator[pa.Table]:
        for split, called in self._splits().items():
            joined = [self._joined(split)] if self.source.join else []
            for tables in joined or (self._picked(each, split) for each in self._subsets()):
                for table in tables:
                    if "split" not in table.column_names and called:
                        table = table.append_column("split", pa.repeat(pa.scalar(split), table.num_rows))
                    yield table

    def _subsets(self) -> list[str]:
        return list(self.source.subsets) or [""]

    def _splits(self) -> dict[str, str]:
        """The dataset's split -> ours; train without a split of its own when nothing is said."""
        return self.source.split_names or {"train": self.source.split}

    def _columns(self, types: dict[str, str], subset: str, split: str) -> dict[str, str]:
        return mapped(self.source, types, self._where(subset, split), self.source.subsets.get(subset) or None)

    def _picked(self, subset: str, split: str) -> Iterator[pa.Table]:
        row = 1
        for table in self.limited(self._stream(subset, split)):
            yield picked(table, self._columns(flat_types(table.schema), subset, split), self._where(subset, split), row)
            row += table.num_rows

    def _joined(self, split: str) -> Iterator[pa.Table]:
        """Rows of all subsets that have the same key, in the order of the first subset; a missing one leaves a hole."""
        joined: pa.Table | None = None
        for subset in self._subsets():
            table = pa.concat_tables(self._stream(subset, split))
            columns = self._columns(flat_types(table.schema), subset, split)
            key = self._key(table, subset, split)
            part = picked(table, columns, self._where(subset, split), 1)
            if joined is None:
                joined, keys = part, key
                continue
            order = pc.index_in(keys, value_set=key)
            for name in languages_of(columns):
                joined = joined.append_column(name, part[name].take(order))
        assert joined is not None
        if "row_id" not in joined.column_names:
            ids = pc.binary_join_element_wise(self.source.name, split, keys, ":")
            joined = joined.append_column("row_id", ids)
        yield from (pa.Table.from_batches([batch]) for batch in joined.to_batches(BATCH_ROWS))

    def _key(self, table: pa.Table, subset: str, split: str) -> pa.Array:
        if self.source.join not in table.column_names:
            has = " ".join(table.column_names)
            raise InputError(f"{self._where(subset, split)}: no column '{self.source.join}' to join by; it has: {has}")
        key = pc.cast(table[self.source.join], pa.string()).combine_chunks()
        if len(key.unique()) != len(key):
            raise InputError(f"{self._where(subset, split)}: column '{self.source.join}' is not unique")
        return key

    def _stream(self, subset: str, split: str) -> Iterator[pa.Table]:
        import datasets

        try:
            arguments = self._arguments(subset)
            stream = datasets.load_dataset(split=split, streaming=True, **arguments).with_format("arrow")
            yield from stream.iter(BATCH_ROWS)
        except (
            OSError,
            ValueError,
            TypeError,
            RuntimeError,
            pa.ArrowException,
            datasets.exceptions.DatasetsError,
        ) as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(f"{self._where(subset, split)}: {type(error).__name__}: {reason}") from error

    def _arguments(self, subset: str) -> dict[str, Any]:
        source = self.source
        arguments: dict[str, Any] = {"path": str(self.root / source.path) if self._is_folder() else source.path}
        if source.data_files:
            files = {split: self._file(place.replace("{subset}", subset)) for split, place in source.data_files.items()}
            arguments["data_files"] = files
        elif subset:
            arguments["name"] = subset
        if source.revision:
            arguments["revision"] = source.revision
        return arguments | dict(source.options)

    def _file(self, place: str) -> str:
        return place if "://" in place else str(self.root / place)

    def _is_folder(self) -> bool:
        return bool(self.source.path) and not self.source.data_files and (self.root / self.source.path).is_dir()

    def _where(self, subset: str, split: str) -> str:
        parts = [part for part in (self.source.path, subset, split) if part]
        return f"source '{self.source.name}' ({' '.join(parts)})"
