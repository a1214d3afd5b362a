"""Tables that are compared row with row, as the corpus's stages do it, cut into parts of a few rows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from parley.corpus import cleaned_stage
from parley.corpus.compared_stage import ComparedStage
from parley.corpus.config import CleaningConfig, CorpusConfig
from parley.corpus.keys import languages_of, write_keys
from parley.corpus.stage import CorpusStage
from parley.corpus.store import Corpus
from tests.parley.corpus.whole import whole


def write_parts(table: pa.Table, folder: Path, near: bool = True, rows: int = 3) -> None:
    """A folder as stage `cleaned` writes it."""
    for number, start in enumerate(range(0, max(table.num_rows, 1), rows)):
        part = folder / cleaned_stage.PARTS / f"{number:06d}"
        part.mkdir(parents=True)
        pq.write_table(table.slice(start, rows), part / cleaned_stage.ROWS)
        write_keys(table.slice(start, rows), part, near)
        (part / cleaned_stage.FACTS).write_text(json.dumps({"source": "toy", "report": {}}))
    none = pa.schema([(code, pa.string()) for code in languages_of(table)]).empty_table()
    pq.write_table(none, folder / cleaned_stage.PROTECTED)
    (folder / cleaned_stage.SOURCES).write_text(json.dumps({"toy": {}}))


def compare(table: pa.Table, folder: Path, duplicates: str = "near") -> tuple[pa.Table, dict[str, Any]]:
    """What `compared` and `corpus` leave of a table, and the reports of their filters by name."""
    cleaning = CleaningConfig(duplicates=duplicates)  # type: ignore[arg-type]
    config = CorpusConfig(languages=list(languages_of(table)), cleaning=cleaning, required_splits=[])
    folders = {name: folder / name for name in ("cleaned", "compared", "corpus")}
    for each in folders.values():
        each.mkdir(parents=True)
    write_parts(table, folders["cleaned"])
    ComparedStage(config).run(folders["compared"], folders)
    CorpusStage(config).run(folders["corpus"], folders)
    report = json.loads((folders["corpus"] / "cleaning.json").read_text())
    return whole(Corpus.open(folders["corpus"])), {each["name"]: each for each in report["filters"]}


def ids(table: pa.Table) -> Sequence[str]:
    """The row ids of a table."""
    found: list[str] = table["row_id"].to_pylist()
    return found
