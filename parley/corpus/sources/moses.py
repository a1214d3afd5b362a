"""Moses: one plain text file per language, the same line of each a translation of the others."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa

from parley.corpus.contract import Shape
from parley.corpus.sources.reader import Part, Reader, tabulated
from parley.corpus.sources.registry import SOURCES
from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from parley.reading.lines import count_lines, read_lines


@SOURCES.register("moses")
class MosesReader(Reader):
    """Any number of aligned files: `path` holds `{language}`, filled in from `columns`, or else from `languages`."""

    by_file = False

    def files(self) -> list[Path]:
        return list(self._by_language().values())

    def head(self) -> Shape:
        by_language = self._by_language()
        counts = {path: count_lines(path, self.source.encoding) for path in by_language.values()}
        if len(set(counts.values())) > 1:
            sum(1 for _ in self._aligned(list(counts)))  # lines that are too many must be blank
        languages = [code for code in CODES if code in by_language]
        columns = dict.fromkeys(languages, "string")
        return Shape(columns, languages, min(counts.values()), self.source.encoding)

    def read(self, part: Part) -> Iterator[pa.Table]:
        by_language = self._by_language()
        yield from tabulated(self._aligned(list(by_language.values())), list(by_language))

    def _by_language(self) -> dict[str, Path]:
        """Code -> file."""
        names = self.source.columns or {code: code for code in self.source.languages}
        called = f"source '{self.source.name}'"
        if "{language}" not in self.source.path or len(names) < 2:
            raise InputError(f"{called}: a moses source needs {{language}} in its path, and two languages or more")
        wanted = self.source.languages or names.values()
        found = {
            code: self.root / self.source.path.replace("{language}", name)
            for name, code in names.items()
            if code in wanted
        }
        for code in wanted:
            if code not in found or not found[code].is_file():
                raise InputError(f"{called}: no file for '{code}' at {found.get(code, 'any of its columns')}")
        return found

    def _aligned(self, paths: list[Path]) -> Iterator[tuple[str, ...]]:
        """The lines side by side; blank ones behind the end of another file are left out."""
        for row in zip_longest(*(read_lines(path, self.source.encoding) for path in paths)):
            if None not in row:
                yield row
            elif any(line and line.strip() for line in row):
                counts = ", ".join(f"{path} has {count_lines(path, self.source.encoding)}" for path in paths)
                raise InputError(f"Moses files are not aligned: lines differ: {counts}")
