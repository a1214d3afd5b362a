"""The stage `cleaned`: every source through its reader, completion and the row-wise filters, part by part.

Parts are numbered in the order of the sources' names and of their rows; so who reads which changes nothing. A part's
folder holds `rows.parquet` (the corpus's columns; `split` where the source says it), what the rows are compared by
(`keys`), and `facts.json`.
"""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.corpus.cleaning import Cleaner
from parley.corpus.cleaning_report import CleaningReport
from parley.corpus.config import CorpusConfig
from parley.corpus.contract import ContractBook, Shape
from parley.corpus.counts import added
from parley.corpus.keys import write_keys
from parley.corpus.rows import complete, corpus_schema, normalised
from parley.corpus.source_config import SourceConfig, named
from parley.corpus.sources.columns import some
from parley.corpus.sources.listing import absent, list_sources
from parley.corpus.sources.reader import Part
from parley.corpus.sources.registry import open_reader
from parley.languages.table import CODES
from parley.pipeline.atomic import link_or_copy, remove, write_json
from parley.pipeline.progress import say
from parley.pipeline.secrets import hidden
from parley.pipeline.shards import FOLDER, shard_folders
from parley.pipeline.stage import Needs, Shard, Stage

PARTS: Final = "parts"
ROWS: Final = "rows.parquet"
FACTS: Final = "facts.json"
SOURCES: Final = "sources.json"
PROTECTED: Final = "protected.parquet"


class CleanedStage(Stage[CorpusConfig]):
    """Writes `parts/<number>/`, `sources.json`, and the texts of the user's test sets, `protected.parquet`."""

    name = "cleaned"
    version: ClassVar[int] = 2
    needs = Needs(memory_gb=1.5)

    def files(self) -> list[Path]:
        """Every file of every source, in the order of the sources; the Hub's own files are told by revision."""
        return [path for source in self._all_sources() for path in open_reader(source, self.config).files()]

    def check(self) -> None:
        """Hold every source against its contract, as far as that needs no full reading; says what is not read.

        Raises:
            InputError: the first source that cannot be read or breaks its contract, or an unknown filter.
        """
        Cleaner(self.config.cleaning, self.config.codes)
        book = self._book()
        for source in self._all_sources():
            shape = open_reader(source, self.config).head()
            book.check(source, shape)
            if shape.unread:
                say(f"source '{source.name}': not read: {some(shape.unread, ', ')}")
        if names := absent(self.config):
            say(f"exclude: there is no source {some(names, ', ')}")

    def shards(self, inputs: Mapping[str, Path]) -> list[Shard]:
        """The parts of all sources."""
        sources = list_sources(self.config)
        parts = [(source.name, part) for source in sources for part in open_reader(source, self.config).parts()]
        return [Shard(f"{n:06d}", {"source": name, **asdict(part)}) for n, (name, part) in enumerate(parts)]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Read and clean one part.

        Raises:
            InputError: bad content of the source.
        """
        name, part = shard.task["source"], Part(*(shard.task[key] for key in ("file", "start", "stop")))
        source = next(source for source in list_sources(self.config) if source.name == name)
        cleaner, facts, report = Cleaner(self.config.cleaning, self.config.codes), Counter[str](), CleaningReport()
        languages, kept = Counter[str](), []
        for table in open_reader(source, self.config).tables(part):
            languages += _cells(table)
            rows = complete(table, source, self.config.codes)
            if source.clean:
                rows, found = cleaner.clean(rows)
                report += found
            facts += Counter(rows_in=table.num_rows, rows_cleaned=rows.num_rows)
            kept.append(rows)
        rows = pa.concat_tables([corpus_schema(self.config.codes).empty_table(), *kept]).combine_chunks()
        pq.write_table(rows, out / ROWS, compression="zstd")
        write_keys(rows, out, self.config.cleaning.duplicates == "near")
        counts = {"rows_in": facts["rows_in"], "rows_cleaned": facts["rows_cleaned"], "languages": dict(languages)}
        write_json(out / FACTS, {"source": name, "counts": counts, "report": report.stored()})

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Hold what was read against the contracts; the facts are rows per source.

        Raises:
            InputError: a shape that breaks its contract.
        """
        sources = list_sources(self.config)
        counts: dict[str, dict[str, Any]] = {}
        for folder in shard_folders(out):
            found = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            counts[found["source"]] = added(counts.get(found["source"], {}), found["counts"])
        book, shapes = self._book(), self._protect(out)
        for source in sources:
            shapes[source.name] = _observed(source, open_reader(source, self.config).head(), counts[source.name])
            book.check(source, shapes[source.name])
        remove(out / PARTS)
        shutil.copytree(out / FOLDER, out / PARTS, copy_function=_link)
        facts = {
            source.name: {
                "rows_in": counts[source.name]["rows_in"],
                "rows_cleaned": counts[source.name]["rows_cleaned"],
                "licence": hidden(source.licence),
                "shape": shapes[source.name].to_json(),
            }
            for source in sources
        }
        write_json(out / SOURCES, facts)
        book.record(shapes)
        return {"sources": facts}

    def _protect(self, out: Path) -> dict[str, Shape]:
        """Write the texts of the user's test sets, and hold their shapes against the contracts."""
        book, shapes = self._book(), {}
        schema = pa.schema([(code, pa.string()) for code in self.config.codes])
        with pq.ParquetWriter(out / PROTECTED, schema) as writer:
            for source in named(self.config.protected):
                reader, count, languages = open_reader(source, self.config), 0, Counter[str]()
                for table in reader.tables():
                    count += table.num_rows
                    languages += _cells(table)
                    none = pa.nulls(table.num_rows, pa.string())
                    found = [normalised(table[c]) if c in table.column_names else none for c in self.config.codes]
                    writer.write_table(pa.Table.from_arrays(found, schema=schema))
                shapes[source.name] = _observed(source, reader.head(), {"rows_in": count, "languages": languages})
                book.check(source, shapes[source.name])
        return shapes

    def _book(self) -> ContractBook:
        return ContractBook.open(self.config.contracts, self.config.accept_changes)

    def _all_sources(self) -> list[SourceConfig]:
        return [*list_sources(self.config), *named(self.config.protected)]


def _link(source: str, target: str) -> None:
    link_or_copy(Path(source), Path(target))


def part_folders(cleaned: Path) -> list[Path]:
    """The folders of the parts in the order of their rows."""
    return sorted((cleaned / PARTS).iterdir())


def _cells(table: pa.Table) -> Counter[str]:
    """Filled cells per language."""
    codes = [code for code in CODES if code in table.column_names]
    return Counter({code: int(pc.sum(pc.not_equal(table[code], "")).as_py() or 0) for code in codes})


def _observed(source: SourceConfig, shape: Shape, counts: Mapping[str, Any]) -> Shape:
    """The shape, with what only reading shows."""
    found = [code for code in CODES if counts["languages"].get(code)]
    chosen = source.max_rows or source.format == "demo"  # then the configuration sets the number of rows
    return replace(shape, languages=found, rows=None if chosen else counts["rows_in"])
