"""TMX, the translation memory exchange format: a unit is a row, its variants are the languages."""

from collections.abc import Iterator
from itertools import islice
from typing import Final
from xml.etree.ElementTree import Element

import pyarrow as pa

from parley.corpus.contract import Shape
from parley.corpus.sources.columns import NoLanguageError
from parley.corpus.sources.reader import Part, Reader, tabulated
from parley.corpus.sources.registry import SOURCES
from parley.languages.table import CODES, code_of
from parley.reading.parquet import BATCH_ROWS
from parley.reading.xml import read_elements, tag

_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES_INSIDE: Final = frozenset({"bpt", "ept", "ph", "it", "ut"})  # inline elements that hold markup, not text


@SOURCES.register("tmx")
class TmxReader(Reader):
    """`columns` maps a language as the file writes it (EN-US) to a code; without it usual spellings are understood."""

    def head(self) -> Shape:
        written: set[str] = set()
        for path in self.files():
            seen = {name for unit in islice(read_elements(path, "tu"), BATCH_ROWS) for name, _ in _variants(unit)}
            if not any(map(self._code, seen)):
                raise NoLanguageError(f"{path}: no translation unit in any language of source '{self.source.name}'")
            written |= seen
        codes = set(map(self._code, written))
        ordered = [code for code in CODES if code in codes]
        unknown = [f"language '{name}'" for name in sorted(written) if not self._code(name)]
        return Shape(dict.fromkeys(ordered, "string"), ordered, unread=unknown)

    def read(self, part: Part) -> Iterator[pa.Table]:
        codes = self.source.languages or list(CODES)
        for path in self.files_of(part):
            units = map(self._texts, read_elements(path, "tu"))
            yield from tabulated(([unit.get(code) for code in codes] for unit in units), codes)

    def _texts(self, unit: Element) -> dict[str, str]:
        """Code -> text; of two variants in a language the first."""
        texts: dict[str, str] = {}
        for written, segment in _variants(unit):
            if code := self._code(written):
                texts.setdefault(code, "".join(_pieces(segment)))
        return texts

    def _code(self, written: str) -> str | None:
        """The code of a language that is read; None for others."""
        code = self.source.columns.get(written) if self.source.columns else code_of(written)
        return code if not self.source.languages or code in self.source.languages else None


def _variants(unit: Element) -> Iterator[tuple[str, Element]]:
    """The language, as it is written, and the segment of each variant."""
    for variant in unit:
        segment = next((child for child in variant if tag(child) == "seg"), None)
        if segment is not None:
            yield variant.get(_LANG) or variant.get("lang") or "", segment


def _pieces(element: Element) -> Iterator[str]:
    if tag(element) not in _CODES_INSIDE:
        yield element.text or ""
        for child in element:
            yield from _pieces(child)
            yield child.tail or ""
