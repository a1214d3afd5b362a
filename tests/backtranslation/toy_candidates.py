"""A small encoded corpus with a withheld pair, and accepted candidates of it, without a model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from backtranslation.candidates import NAME, ORIGIN, SCHEMA, write_candidates
from backtranslation.filter_facts import filter_facts
from parley.languages.table import pair
from parley.pipeline.manifest import Manifest, write_manifest
from tests.training.toy_corpus import cipher


def candidate(number: int, direction: str = "fr-th", use: str = "back", **changes: Any) -> dict[str, Any]:
    """An accepted candidate; the text is its number in words that the toy corpus knows."""
    source, target = pair(direction)
    text = f"go now {'heal ' * (number % 3)}{'wait ' * (number % 5)}{'key ' * (number // 5 % 7)}boss".strip()
    synthetic = target if use == "forward" else source
    row = dict.fromkeys(SCHEMA.names) | {
        "row_id": f"bt1:{number:08d}",
        "origin": ORIGIN,
        "round": 1,
        "use": use,
        "direction": direction,
        "source_text": cipher(text, 5),
        "target_text": cipher(text, 10),
        "synthetic_language": synthetic,
        "round_trip_chrf": 80.0,
        "accepted": True,
        "verdict": "accepted",
        "reason": "accepted",
    }
    return row | changes


def candidates(count: int = 60, directions: Sequence[str] = ("fr-th", "th-fr")) -> pa.Table:
    """So many of each direction."""
    rows = [candidate(number, direction) for direction in directions for number in range(count)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def synthetic_folder(folder: Path, table: pa.Table) -> Path:
    """The folder that the stage of the candidates leaves."""
    folder.mkdir(parents=True)
    write_candidates(folder / NAME, table)
    facts = filter_facts(table)
    write_manifest(folder, Manifest("synthetic_1", 1, "toy", {}, {}, {}, facts, 0.0, 1, ""))
    return folder
