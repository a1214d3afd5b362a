"""Scores of quality estimation in the report: rates, intervals, worst messages."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.scoring.quality_scores import add_quality, quality_folders, read_quality
from parley.metrics.message_quality import FILE, SCHEMA
from parley.pipeline.errors import InputError

NAMES = ["en-fr", "fr-en"]


def line(direction: str, system: str, row: int, score: float, **changes: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("minor", "major", "critical", "accuracy", "fluency", "consistency"), 0)
    facts = {"pair": direction, "system": system, "row_id": f"r{row}", "score": score, "words": 5}
    return facts | counts | {"flags": [], "spans": []} | changes


def table(shift: float = 10.0) -> pa.Table:
    """Ten messages in two directions; system b scores higher by `shift`, and a has errors in its first message."""
    rows = []
    span = {"start": 1, "end": 3, "side": "target", "severity": "major", "dimension": "accuracy"}
    spans = [span, span | {"side": "source", "start": 0, "end": 2}]
    for direction in NAMES:
        for row in range(10):
            bad = {"major": 2, "minor": 1, "accuracy": 2, "fluency": 1, "spans": spans} if row == 0 else {}
            rows.append(line(direction, "a", row, 20.0 + 3 * row, **bad))
            rows.append(line(direction, "b", row, 20.0 + 3 * row + shift))
    return pa.Table.from_pylist([*rows, line("en-th", "a", 1, 1.0)], schema=SCHEMA)


def report() -> dict[str, Any]:
    compared = [{"a": "a", "b": "b", "delta": 1.0}, {"a": "a", "b": "c", "delta": 1.0}]
    pairs = {
        name: {"n": 10, "systems": {"a": {"chrf": 1.0}, "b": {}, "c": {}}, "comparisons": [dict(c) for c in compared]}
        for name in NAMES
    }
    return {"pairs": pairs, "mean": {"a": {"chrf": 1.0}, "b": {}, "c": {}}}


def test_scores_and_errors_per_hundred_words() -> None:
    found = report()
    add_quality(found, table(), samples=200)
    quality = found["pairs"]["en-fr"]["systems"]["a"]["qe"]
    assert quality["score"] == pytest.approx(33.5)
    assert quality["score_ci"][0] < 33.5 < quality["score_ci"][1]
    assert (quality["minor"], quality["major"], quality["critical"]) == (2.0, 4.0, 0.0)  # of 50 words
    assert quality["dimensions"] == {"accuracy": 4.0, "fluency": 2.0, "consistency": 0.0}
    assert (quality["n"], quality["words"]) == (10, 50)
    mean = found["mean"]["a"]["qe"]
    assert (mean["score"], mean["major"], mean["directions"], mean["n"]) == (pytest.approx(33.5), 4.0, 2, 20)
    assert mean["score_ci"] == pytest.approx(quality["score_ci"], abs=0.01)  # the same messages in both directions
    assert "qe" not in found["pairs"]["en-fr"]["systems"]["c"]
    assert "qe" not in found["mean"]["c"]
    assert sum(found["pairs"]["fr-en"]["quality_histograms"]["b"]) == 10


def test_systems_are_compared_message_by_message() -> None:
    found = report()
    add_quality(found, table(), samples=200)
    first, other = found["pairs"]["en-fr"]["comparisons"]
    assert first["qe_delta"] == pytest.approx(10.0)
    assert first["qe_delta_ci"] == pytest.approx([10.0, 10.0])  # every message gains the same
    assert "qe_delta" not in other


def test_the_worst_messages_have_their_marks() -> None:
    found = report()
    add_quality(found, table(), samples=100)
    (worst,) = found["pairs"]["en-fr"]["telling"]["qe"]["a"]  # the others have no error to show
    assert (worst["row_id"], worst["score"]) == ("r0", 20.0)
    assert worst["spans"] == [{"start": 1, "end": 3, "severity": "major", "dimension": "accuracy"}]
    assert worst["source_spans"] == [{"start": 0, "end": 2, "severity": "major", "dimension": "accuracy"}]
    assert found["pairs"]["en-fr"]["telling"]["qe"]["b"] == []


def test_nothing_scored_changes_nothing() -> None:
    found = report()
    add_quality(found, SCHEMA.empty_table())
    assert found == report()


def test_tables_of_several_stages_are_one(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("quality", "quality_student", "evaluation")}
    for folder in folders.values():
        folder.mkdir()
    pq.write_table(table(), folders["quality"] / FILE)
    pq.write_table(table(), folders["quality_student"] / FILE)
    assert quality_folders(folders) == [folders["quality"], folders["quality_student"]]
    assert len(read_quality(quality_folders(folders))) == 2 * len(table())
    assert read_quality([]).schema == SCHEMA
    pq.write_table(pa.table({"pair": ["en-fr"]}), folders["quality"] / FILE)
    with pytest.raises(InputError, match="not a table of quality scores"):
        read_quality([folders["quality"]])


def labelled(score: float) -> dict[str, Any]:
    levels = {"0.9": {"score": score}, "0.95": {"score": None}}
    return {"levels": levels, "curve": [[score, 0.5, 0.9], [0.0, 1.0, 0.5]]}


def test_what_goes_out_follows_a_directions_own_threshold_or_that_of_all() -> None:
    found = report() | {
        "qe": {"error_free": {"style": "mqm", "groups": {"en-fr": labelled(38.0), "*": labelled(44.0)}}}
    }
    add_quality(found, table(), samples=200)
    own, of_all = (found["pairs"][name]["systems"]["a"]["qe"]["publishable"] for name in NAMES)
    assert (own["0.9"], of_all["0.9"]) == (0.4, 0.2)  # scores are 20, 23 ... 47
    assert own["0.9_ci"][0] < 0.4 < own["0.9_ci"][1]
    assert (own["0.95"], own["0.95_ci"]) == (0, [0, 0])
    assert own["coverage"] == [0.4, 1.0]
    mean = found["mean"]["a"]["qe"]["publishable"]
    assert (mean["0.9"], mean["0.95"]) == (pytest.approx(0.3), 0)
    assert mean["0.9_ci"][0] < 0.3 < mean["0.9_ci"][1]


def test_without_labels_nothing_is_said_of_what_goes_out() -> None:
    found = report()
    add_quality(found, table(), samples=200)
    assert "publishable" not in found["mean"]["a"]["qe"]
