"""A run that faults are tried on: its command, its stages, and what two equal runs have in common."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from parley.pipeline.manifest import Manifest, read_manifest
from tests.end_to_end.test_all_rooms import CHANGES
from tests.end_to_end.toy_run import ROOT, THREE_LANGUAGES, overrides

TOY: Final = THREE_LANGUAGES | {
    "name": "faults",
    "training.checkpoint_every": 2,
    "gates.rules": "{}",
}
ROUNDS: Final = {
    "backtranslation.pairs": "[fr-th]",
    "backtranslation.uses": "[back]",
    "backtranslation.candidates": 40,
    "backtranslation.generation.max_tokens": 12,
    "backtranslation.filter.accept": "all",
    "backtranslation.training.max_updates": 6,
    "backtranslation.training.warmup_updates": 2,
    "backtranslation.adoption.dev_messages": 2,
}
CLOCK: Final = re.compile(
    r"second|_ms$|per_s|speed|latency|^gates$|^run$|^_name_or_path$|^resumed_from$"
)  # and place, and attempts
NOT_COMPARED: Final = {"manifest.json", "stage.log"}


def command(root: Path, *, all_rooms: bool) -> list[str]:
    """A small run: the rooms up to the teacher and its report, or all of them."""
    rooms = ["experiment=demo", *overrides(TOY | CHANGES | ROUNDS)]
    words = rooms if all_rooms else ["experiment=demo_teacher", *overrides(TOY)]
    return [sys.executable, str(ROOT / "scripts/pipeline.py"), f"runs_root={root}", *words]


def run(root: Path, *, all_rooms: bool) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    words = command(root, all_rooms=all_rooms)
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)


def manifests(root: Path) -> dict[Path, Manifest]:
    """The finished stages by their folders, in the order that they were finished."""
    found = [path.parent for path in root.glob("faults/*/*/manifest.json") if path.parent.suffix != ".partial"]
    return {folder: read_manifest(folder) for folder in sorted(found, key=lambda f: f.stat().st_ctime_ns)}


def contents(root: Path) -> dict[str, Any]:
    """What two equal runs have in common: every file of every stage, but for clocks and what is drawn from them."""
    folders = [folder for folder in manifests(root) if folder.parent.name != "report"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    kept = {str(path.relative_to(root)): path for path in files if path.name not in NOT_COMPARED}
    report = root / "faults/report/report.json"
    return {name: content(path) for name, path in sorted(kept.items())} | {"report": content(report)}


def content(path: Path) -> Any:
    """A file without clocks."""
    if path.suffix == ".json":
        return _without_clocks(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".jsonl":
        return [_without_clocks(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return table.drop_columns([name for name in table.column_names if CLOCK.search(name)]).to_pylist()
    return path.read_bytes()


def different(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Names of what two runs do not have in common."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_clocks(item) for name, item in value.items() if not CLOCK.search(name)}
    return [_without_clocks(item) for item in value] if isinstance(value, list) else value
