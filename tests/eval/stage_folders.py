"""Folders of finished stages, for tests of those that read them."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from parley.corpus.counts import count
from parley.corpus.store import FACTS, write_shards
from parley.pipeline.atomic import write_json
from parley.pipeline.manifest import Manifest, write_manifest
from tests.eval import examples


def manifest(stage: str, config: dict[str, Any], facts: dict[str, Any]) -> Manifest:
    return Manifest(stage, 1, f"{stage}-print", config, {}, {}, facts, 1.5, 1, "2025-01-01T00:00:00")


def write_corpus(folder: Path) -> Path:
    """The example test set as a corpus stage leaves it."""
    folder.mkdir(parents=True)
    data = examples.testset()
    rows = len(data.row_ids)
    table = pa.table(
        {"row_id": data.row_ids, "domain": data.domains, "split": ["test"] * rows, "origin": ["human"] * rows}
        | {code: pa.array(cells, pa.string()) for code, cells in data.texts.items()}
    )
    facts = count(table, data.languages) | {"withheld_pairs": ["fr-th"], "digest": write_shards(table, folder)}
    write_json(folder / FACTS, facts)
    write_json(folder / "cleaning.json", {"filters": [{"name": "length", "rows_in": 6, "rows_out": 5}]})
    write_manifest(folder, manifest("corpus", {"seed": 3, "cleaning": {"seed": 4}}, facts))
    return folder
