"""What a refactoring must leave as it is in the toy run: texts, vocabulary, plan, loss curve and figures of the report.

    python -m tests.end_to_end.goldens RUN_DIR    writes goldens.json from a finished run; only when a change is meant

Digests are of contents, not of files: another version of a library or layout of a store changes nothing.
Losses and scores depend on the processor in their last digits: they are compared with a tolerance.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

FILE: Final = Path(__file__).with_name("goldens.json")


def facts(run_dir: Path) -> dict[str, Any]:
    """The facts of a finished toy run, `runs/demo`."""
    corpus, tokenizer, teacher = (_only(run_dir / stage) for stage in ("corpus", "tokenizer", "teacher"))
    report = json.loads((run_dir / "report/report.json").read_text(encoding="utf-8"))
    log = [json.loads(line) for line in (teacher / "training_log.jsonl").read_text(encoding="utf-8").splitlines()]
    return {
        "rows": _digest(_rows(corpus)),
        "vocabulary": _digest(json.loads((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]),
        "pieces": _digest(_pieces(_only(run_dir / "encoded"))),
        "tokens": [line["tokens"] for line in log],
        "losses": [round(line["loss"], 5) for line in log if "loss" in line],
        "dev_loss": round(log[-1]["dev/loss"], 5),
        "chrf": round(report["mean"]["teacher"]["chrf"], 3),
        "slices": sorted(report["slices"]),
    }


def _only(folder: Path) -> Path:
    [found] = [path.parent for path in folder.glob("*/manifest.json")]
    return found


def _rows(corpus: Path) -> list[dict[str, Any]]:
    rows = [row for path in sorted(corpus.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: str(row["row_id"]))


def _pieces(encoded: Path) -> dict[str, int]:
    """The sum of the ids of all pieces of each language."""
    files = sorted(encoded.rglob("*.tokens.bin"))
    return {
        path.name.removesuffix(".tokens.bin"): int(np.fromfile(path, np.uint16).astype(np.int64).sum())
        for path in files
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


if __name__ == "__main__":
    FILE.write_text(json.dumps(facts(Path(sys.argv[1])), indent=1) + "\n", encoding="utf-8")
