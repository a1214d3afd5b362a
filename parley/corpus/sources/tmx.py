"""TMX, the translation memory exchange format: a unit is a row, its variants are the languages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ParseError, iterparse

import pyarrow as pa

from parley.corpus.contract import Shape
from parley.corpus.sources.lines import opened
from parley.corpus.sources.reader import BATCH_ROWS, Part, Reader, tabulated
from parley.corpus.sources.registry import SOURCES
from parley.languages.table import CODES, code_of
from parley.pipeline.errors import InputError

_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES_INSIDE: Final = frozenset({"bpt", "ept", "ph", "it", "ut"})  # inline elements that hold markup, not text


@SOURCES.register("tmx")
class TmxReader(Reader):
    """`columns` maps a language as the file writes it (EN-US) to a code; without it usual spellings are understood."""

    def head(self) -> Shape:
        languages: set[str] = set()
        for path in self.files():
            seen: set[str] = set()
            for index, unit in enumerate(self._units(path)):
                seen |= set(unit)
                if index >= BATCH_ROWS:
                    break
            if not seen:
                raise InputError(f"{path}: no translation unit in any language of source '{self.source.name}'")
            languages |= seen
        ordered = [code for code in CODES if code in languages]
        return Shape(dict.fromkeys(ordered, "string"), ordered)

    def read(self, part: Part) -> Iterator[pa.Table]:
        codes = self.source.languages or list(CODES)
        for path in self.files():
            yield from tabulated(([unit.get(code) for code in codes] for unit in self._units(path)), codes)

    def _units(self, path: Path) -> Iterator[dict[str, str]]:
        with opened(path) as stream:
            try:
                parents: list[Element] = []
                for event, element in iterparse(stream, events=("start", "end")):
                    if event == "start":
                        parents.append(element)
                        continue
                    parents.pop()
                    if _tag(element) == "tu":
                        yield self._texts(element)
                        parents[-1].remove(element)  # read units must not pile up in memory
            except ParseError as error:
                raise InputError(f"{path}: not well-formed XML: {error}") from error

    def _texts(self, unit: Element) -> dict[str, str]:
        """Code -> text; of two variants in a language the first."""
        texts: dict[str, str] = {}
        for variant in unit:
            written = variant.get(_LANG) or variant.get("lang") or ""
            code = self.source.columns.get(written) if self.source.columns else code_of(written)
            segment = next((child for child in variant if _tag(child) == "seg"), None)
            wanted = code and (not self.source.languages or code in self.source.languages)
            if code and wanted and segment is not None:
                texts.setdefault(code, "".join(_pieces(segment)))
        return texts


def _pieces(element: Element) -> Iterator[str]:
    if _tag(element) not in _CODES_INSIDE:
        yield element.text or ""
        for child in element:
            yield from _pieces(child)
            yield child.tail or ""


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]
