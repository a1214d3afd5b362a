"""The stage `corpus`: the multiway store, from what `cleaned` read and `compared` decided, shard by shard.

Rows stay in the order of the sources' names; the same configuration and files give the same bytes.
"""

import json
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parley.corpus import cleaned_stage
from parley.corpus.cleaned_stage import SOURCES, CleanedStage, part_folders
from parley.corpus.cleaning_report import CleaningReport
from parley.corpus.compared_stage import DECISIONS, REASONS, ComparedStage, held_out_texts
from parley.corpus.config import CorpusConfig
from parley.corpus.counts import added, count
from parley.corpus.decontamination import HeldOutTexts
from parley.corpus.row_filters import drop_rows
from parley.corpus.source_config import ROW_COLUMNS
from parley.corpus.store import FACTS, SHARD_ROWS, shard_name, write_shard
from parley.pipeline.atomic import link_or_copy, remove, write_json
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import Needs, Shard, Stage

_SHARD: Final = "rows.parquet"
_PART: Final = "part"  # column of the part's number, while rows are counted by it


class CorpusStage(Stage[CorpusConfig]):
    """Writes `shard-*.parquet`, `corpus.json` (the facts) and `cleaning.json` (what each filter did).

    Inputs: `cleaned`, `compared`.
    """

    name = "corpus"
    version = 2
    needs = Needs(memory_gb=2.0)

    def shards(self, inputs: Mapping[str, Path]) -> list[Shard]:
        """Runs of parts that have up to `SHARD_ROWS` rows together, but at least one part each."""
        runs, rows = [[0, 0]], 0
        for number, folder in enumerate(part_folders(inputs["cleaned"])):
            size = pq.read_metadata(folder / cleaned_stage.ROWS).num_rows
            if rows and rows + size > SHARD_ROWS:
                runs.append([number, number])
                rows = 0
            rows += size
            runs[-1][1] = number + 1
        return [Shard(f"{n:05d}", {"first": first, "last": last}) for n, (first, last) in enumerate(runs)]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Leave out what is dropped, and train rows that hold a dev or test text."""
        parts = part_folders(inputs["cleaned"])[shard.task["first"] : shard.task["last"]]
        table = pa.concat_tables([_decided(part, inputs["compared"], n) for n, part in enumerate(parts)])
        table, report = _without_dropped(table, self.config)
        texts = _held_out(inputs["compared"], self.config.cleaning.decontamination == "near")
        found = texts.found_in(table, pc.equal(table["split"], "train").to_numpy())
        contaminated = np.zeros(table.num_rows, bool)
        contaminated[list(found)] = True
        table, last = drop_rows("decontamination", table, contaminated, lambda row: {"test_text": found[row]})
        kept = Counter(table[_PART].to_pylist())
        sources = Counter[str]()
        for number, part in enumerate(parts):
            sources[_facts(part)["source"]] += kept[number]
        rows = table.select([*ROW_COLUMNS, *self.config.codes])
        facts = {
            "digest": write_shard(rows, out / _SHARD),
            "counts": count(rows, self.config.codes),
            "sources": sources,
            "report": (report + last).stored(),
        }
        write_json(out / FACTS, facts)

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Put the shards in their places and add up what they counted; the facts are also in `corpus.json`."""
        cleaned = [_facts(part)["report"] for part in part_folders(inputs["cleaned"])]
        report = sum((CleaningReport.restored(each) for each in cleaned), start=CleaningReport())
        counts: dict[str, Any] = {}
        sources, digest = Counter[str](), sha256()
        for number, folder in enumerate(shard_folders(out)):
            found = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            counts = added(counts, found["counts"])
            sources.update(found["sources"])
            report += CleaningReport.restored(found["report"])
            digest.update(found["digest"].encode())
            remove(out / shard_name(number))
            link_or_copy(folder / _SHARD, out / shard_name(number))
        _name_repeated(report, inputs)
        read = json.loads((inputs["cleaned"] / SOURCES).read_text(encoding="utf-8"))
        facts = {
            **counts,
            "withheld_pairs": self.config.withheld,
            "sources": {name: {**each, "rows_out": sources[name]} for name, each in read.items()},
            "digest": digest.hexdigest(),
        }
        write_json(out / "cleaning.json", report.to_json())
        write_json(out / FACTS, facts)
        return facts


def corpus_stage(config: CorpusConfig) -> CorpusStage:
    """The stage with the two that it reads."""
    cleaned = CleanedStage(config)
    return CorpusStage(config, {"cleaned": cleaned, "compared": ComparedStage(config, {"cleaned": cleaned})})


def _facts(part: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((part / cleaned_stage.FACTS).read_text(encoding="utf-8"))
    return facts


def _decided(part: Path, compared: Path, number: int) -> pa.Table:
    """The rows of a part with their splits and unique ids, and columns `reason`, `repeats`, `test_text`, `part`."""
    rows, decisions = pq.read_table(part / cleaned_stage.ROWS), _decisions(part, compared)
    rows = rows.set_column(rows.column_names.index("split"), "split", decisions["split"])
    row_id = pc.coalesce(decisions["row_id"], rows["row_id"])
    rows = rows.set_column(rows.column_names.index("row_id"), "row_id", row_id)
    for name in ("reason", "repeats", "test_text"):
        rows = rows.append_column(name, decisions[name])
    return rows.append_column(_PART, pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows))


def _decisions(part: Path, compared: Path) -> pa.Table:
    return pq.read_table(compared / DECISIONS / f"{part.name}.parquet")


def _without_dropped(table: pa.Table, config: CorpusConfig) -> tuple[pa.Table, CleaningReport]:
    """The table without the rows that `compared` dropped; examples name the row that is repeated by its number."""
    off = {"none": REASONS[1:3], "exact": REASONS[2:3], "near": ()}[config.cleaning.duplicates]
    report = CleaningReport()
    for name in REASONS[1:]:
        if name not in off:
            dropped = pc.equal(table["reason"], name).to_numpy()
            explain = partial(_shown, table, "test_text" if name == REASONS[-1] else "repeats")
            table, found = drop_rows(name, table, dropped, explain)
            report += found
    return table, report


def _shown(table: pa.Table, column: str, row: int) -> dict[str, str]:
    return {column: str(table[column][row].as_py())}


@lru_cache(maxsize=1)
def _held_out(compared: Path, near: bool) -> HeldOutTexts:
    """Kept, because a worker process does many shards."""
    return held_out_texts(compared, near)


def _name_repeated(report: CleaningReport, inputs: Mapping[str, Path]) -> None:
    """In examples, the ids of the rows that are repeated in place of their numbers."""
    examples = [example for found in report.filters.values() for _, example in found.examples if "repeats" in example]
    start = 0
    for part in part_folders(inputs["cleaned"]):
        stop = start + pq.read_metadata(part / cleaned_stage.ROWS).num_rows
        for example in examples:
            if example["repeats"].isdigit() and start <= int(example["repeats"]) < stop:
                ids = _decided(part, inputs["compared"], 0)["row_id"]
                example["repeats"] = ids[int(example["repeats"]) - start].as_py()
        start = stop
