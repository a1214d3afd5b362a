"""The corpus stage: sources in, the multiway store out.

Order of work: contracts, reading and row-wise filters, splits, duplicates within train, contamination of train and dev,
counts. Rows stay in the order of the sources' names; the same configuration and files give the same bytes.
"""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from parley.corpus.cleaning_report import CleaningReport
from parley.corpus.config import CorpusConfig, SourceConfig, named
from parley.corpus.contract import ContractBook
from parley.corpus.counts import count
from parley.corpus.decontamination import decontaminate
from parley.corpus.deduplication import remove_near_duplicates
from parley.corpus.reading import ReadSource, protected_texts, read_sources, stored_rows
from parley.corpus.rows import unique_ids
from parley.corpus.sources import list_sources, open_reader
from parley.corpus.splits import assign_splits
from parley.corpus.store import FACTS, write_shards
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.stage import Stage

Texts = Mapping[str, Sequence[str]]
_SOURCE = "source"  # column of the source's number, while rows are counted by it


class CorpusStage(Stage[CorpusConfig]):
    """Writes `shard-*.parquet`, `corpus.json` (the facts) and `cleaning.json` (what each filter did)."""

    name = "corpus"

    def files(self) -> list[Path]:
        """Every file of every source, in the order of the sources; the Hub's own files are told by revision."""
        return [path for source in self._all_sources() for path in open_reader(source, self.config).files()]

    def check(self) -> None:
        """Hold every source against its contract, as far as that needs no full reading.

        Raises:
            InputError: the first source that cannot be read or breaks its contract.
        """
        book = self._book()
        for source in self._all_sources():
            book.check(source, open_reader(source, self.config).head())

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Build the corpus in `out`; the facts are also in its `corpus.json`."""
        book = self._book()
        work = out / "work"
        protected, shapes = protected_texts(self.config, book)
        reads = read_sources(self.config, list_sources(self.config), book, work)
        report = sum((read.report for read in reads), start=CleaningReport())
        table, later = self._filtered(_joined(reads, work), protected)
        self._check_splits(table)
        facts = self._facts(table, reads)
        facts["digest"] = write_shards(table.drop_columns(_SOURCE), out)
        write_json(out / "cleaning.json", (report + later).to_json())
        write_json(out / FACTS, facts)
        shutil.rmtree(work)
        book.record(shapes | {read.source.name: read.observed() for read in reads})
        return facts

    def _book(self) -> ContractBook:
        return ContractBook.open(self.config.contracts, self.config.accept_changes)

    def _all_sources(self) -> list[SourceConfig]:
        return [*list_sources(self.config), *named(self.config.protected)]

    def _filtered(self, table: pa.Table, protected: Texts) -> tuple[pa.Table, CleaningReport]:
        """Splits, and the filters that compare rows with one another."""
        config = self.config
        table = assign_splits(table, config.codes, config.dev_share, config.test_share, config.seed)
        table, duplicates = remove_near_duplicates(table, config.cleaning)
        table, of_dev = self._clean_dev(table, protected)
        table, of_train = decontaminate(table, config.cleaning, protected)
        return table, duplicates + of_dev + of_train

    def _clean_dev(self, table: pa.Table, protected: Texts) -> tuple[pa.Table, CleaningReport]:
        """Drop dev rows that meet a test text, as train rows are dropped that meet dev or test."""
        is_train = pc.equal(table["split"], "train")
        held_out = table.filter(pc.invert(is_train))
        column = held_out.schema.get_field_index("split")
        as_train = pc.if_else(pc.equal(held_out["split"], "dev"), "train", held_out["split"])
        kept, report = decontaminate(held_out.set_column(column, "split", as_train), self.config.cleaning, protected)
        of_dev = {f"dev_{name}": replace(found, name=f"dev_{name}") for name, found in report.filters.items()}
        stays = pc.or_(is_train, pc.is_in(table["row_id"], value_set=kept["row_id"].combine_chunks()))
        return table.filter(stays), CleaningReport(of_dev)

    def _check_splits(self, table: pa.Table) -> None:
        found = set(table["split"].unique().to_pylist())
        for split in self.config.required_splits:
            if split not in found:
                raise InputError(f"the corpus has no {split} rows: see dev_share, test_share, and the sources' splits")

    def _facts(self, table: pa.Table, reads: Sequence[ReadSource]) -> dict[str, Any]:
        kept = Counter(table[_SOURCE].to_pylist())
        sources = {
            read.source.name: {
                "rows_in": read.rows_in,
                "rows_cleaned": read.rows_out,
                "rows_out": kept[number],
                "licence": read.source.licence,
                "shape": read.observed().to_json(),
            }
            for number, read in enumerate(reads)
        }
        counted = count(table, self.config.codes)
        return {**counted, "withheld_pairs": self.config.withheld, "sources": sources}


def _joined(reads: Sequence[ReadSource], folder: Path) -> pa.Table:
    """The rows of all sources, with unique ids and the number of their source."""
    parts = []
    for number in range(len(reads)):
        rows = stored_rows(folder, number)
        parts.append(rows.append_column(_SOURCE, pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows)))
    table = pa.concat_tables(parts)
    return table.set_column(table.schema.get_field_index("row_id"), "row_id", unique_ids(table["row_id"]))
