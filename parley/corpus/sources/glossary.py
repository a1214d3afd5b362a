"""A glossary as rows: its terms, and each in a few sentences."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from parley.corpus.carriers import TRAINED, carried
from parley.corpus.contract import Shape
from parley.corpus.sources.reader import Part, Reader, tabulated
from parley.corpus.sources.registry import SOURCES
from parley.glossary.glossary import Glossary
from parley.glossary.reading import read_glossary
from parley.glossary.rows import CARRIER_DOMAIN, ORIGIN, term_rows
from parley.pipeline.errors import InputError

DEMO: Final = Path(__file__).parents[1] / "demo_glossary.csv"


@SOURCES.register("glossary")
class GlossaryReader(Reader):
    """Reads a glossary file."""

    by_file = False

    def files(self) -> list[Path]:
        if not self.source.path:
            raise InputError(f"source '{self.source.name}': no file of terms; give one, such as glossary=terms.csv")
        return super().files()

    def head(self) -> Shape:
        codes = self._glossary().languages
        return Shape(dict.fromkeys(self._names(codes), "string"), codes)

    def read(self, part: Part) -> Iterator[pa.Table]:
        glossary = self._glossary()
        names = self._names(glossary.languages)
        rows = [*term_rows(glossary), *self._carriers(glossary)]
        fixed = {"split": "train", "origin": ORIGIN}
        for row in rows:
            row["row_id"] = f"{self.source.name}:{row['row_id']}"
        yield from tabulated(([(row | fixed).get(name) for name in names] for row in rows), names)

    def _glossary(self) -> Glossary:
        return read_glossary(self.files()[0])

    def _names(self, codes: list[str]) -> list[str]:
        return ["row_id", "domain", *codes, "split", "origin"]

    def _carriers(self, glossary: Glossary) -> Iterator[dict[str, str | None]]:
        """Each term in each sentence."""
        for term in glossary.terms:
            for carrier in TRAINED:
                yield {"row_id": f"{term.key} {carrier}", "domain": CARRIER_DOMAIN, **carried(term, carrier)}


@SOURCES.register("demo_glossary")
class DemoGlossaryReader(GlossaryReader):
    """The glossary of the demo, which the project ships."""

    def files(self) -> list[Path]:
        return [DEMO]
