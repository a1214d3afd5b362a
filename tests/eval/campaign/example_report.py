"""A report with emoji and markup in its texts, and what Pearmut logs of a campaign."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from eval.testsets.outputs import SCHEMA
from parley.metrics.message_quality import SCHEMA as QUALITY

Json = dict[str, Any]
SYSTEMS: Final = ("teacher", "student")
FRENCH: Final = [
    "ready 😀 for the dragon",
    "<b>hit</b> him now",
    "the key is lost",
    "follow me to the gate",
    "good game all",
]
THAI: Final = ["ไปตีมังกร 😀 ด้วยกัน", "<i>โจมตี</i>เลย", "กุญแจหาย", "ตามฉันมาที่ประตู", "เล่นดีมาก"]
SPAN: Final = {"side": "target", "dimension": "accuracy"}


def write_report(folder: Path, outputs: dict[str, list[str]] | None = None) -> Path:
    """A folder with outputs and scores of quality estimation: one word marked in each output, and its end in one."""
    lines, rows = [], []
    for direction, texts in (outputs or {"en-fr": FRENCH, "fr-th": THAI}).items():
        for system in SYSTEMS:
            for number, text in enumerate(texts):
                output = f"{text} {system}" if direction == "en-fr" else text
                lines.append((direction, system, f"row:{number}", "lobby", f"source {number} 😀", text, output))
                spans = [SPAN | {"start": 0, "end": min(5, len(output)), "severity": "minor"}]
                if number == 1:
                    spans.append(SPAN | {"start": len(output), "end": len(output), "severity": "major"})
                counts = dict.fromkeys(QUALITY.names[5:11], 0)
                key = {"pair": direction, "system": system, "row_id": f"row:{number}"}
                rows.append(key | counts | {"score": 20.0 * number, "words": 4, "flags": [], "spans": spans})
    folder.mkdir(parents=True, exist_ok=True)
    columns = dict(zip(SCHEMA.names, map(list, zip(*lines, strict=True)), strict=True))
    pq.write_table(pa.table(columns, schema=SCHEMA), folder / "outputs.parquet")
    pq.write_table(pa.Table.from_pylist(rows, schema=QUALITY), folder / "quality.parquet")
    return folder


def log(campaign: Json, said: Callable[[Json, str], Json], rater: str = "ann") -> list[Json]:
    """What Pearmut logs when a rater answers every screen.

    Args:
        said: item and system -> `score` and `error_spans`.
    """
    entries = []
    for number, screen in enumerate(campaign["data"][0]):
        answers = [{system: said(item, system) for system in item["tgt"]} for item in screen]
        entry: Json = {"user_id": rater, "item_i": number, "item": screen, "annotation": answers, "actions": []}
        if "validation" in screen[0]:
            entry["validations"] = [all(answer["score"] <= 50 for answer in answers[0].values())]
        entries.append(entry)
    return entries


def as_marked(item: Json, system: str) -> Json:
    """A rater who leaves the marks as they are and is hard on what is damaged."""
    return {"score": 10 if "validation" in item else 70, "error_spans": item["error_spans"][system]}


def write_log(file: Path, entries: list[Json]) -> Path:
    """Pearmut's own file."""
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return file
