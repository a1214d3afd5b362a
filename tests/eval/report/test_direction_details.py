"""Comparisons, buckets, distributions and telling messages, on outputs whose quality is known."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sacrebleu.metrics.chrf import CHRF

from eval.report.bucket_scores import MIN_BUCKET
from eval.report.direction_details import DirectionDetails, describe
from eval.report.system_comparisons import compared_systems
from eval.scoring.message_scores import score_messages
from eval.stored_outputs import StoredOutputs
from eval.testsets.outputs import SCHEMA
from parley.metrics.registry import METRICS
from tests.eval.examples import NeverOffTarget

TEXT = "the dragon waits behind the old gate of the castle number"


def table(damage: dict[str, float], messages: int = 60, skip: int = 0) -> pa.Table:
    """Outputs in two directions; `damage`: share of words a system loses. The second system lacks `skip` messages."""
    lines = []
    for direction in ("en-fr", "fr-en"):
        for place, (system, share) in enumerate(damage.items()):
            generator = random.Random(f"{direction} {system}")
            for row in range(messages - (skip if place else 0)):
                reference = f"{TEXT} {row}"
                kept = [word for word in reference.split() if generator.random() >= share]
                lines.append((direction, system, f"r{row}", "a", f"gg {row}", reference, " ".join(kept)))
    return pa.table(dict(zip(SCHEMA.names, map(list, zip(*lines, strict=True)), strict=True)), schema=SCHEMA)


def described(outputs: pa.Table, folder: Path | None = None) -> tuple[dict[str, Any], list[Any]]:
    """Details by direction and comparisons over all; with a folder each direction is a part of the work by itself."""
    stored = StoredOutputs(outputs, score_messages(outputs, NeverOffTarget()))
    details, chrf = DirectionDetails(), METRICS["chrf"]
    if folder is None:
        details = describe(stored, stored.directions, chrf, {}, samples=100)
    for direction in stored.directions if folder else ():
        part = folder / direction
        part.mkdir(parents=True)
        describe(stored, [direction], chrf, {}, samples=100).save(part)
        details.add(part)
    report: dict[str, Any] = {"pairs": {direction: {} for direction in stored.directions}}
    details.add_to(report)
    return report["pairs"], report.get("comparisons", [])


def test_parts_give_the_same_as_the_whole(tmp_path: Path) -> None:
    outputs = table({"a": 0.5, "b": 0.1, "c": 0.2}, skip=20)
    assert described(outputs, tmp_path) == described(outputs)


def test_a_better_system_is_found_better_everywhere() -> None:
    details, overall = described(table({"a": 0.5, "b": 0.1}))
    for found in details.values():
        (entry,) = found["comparisons"]
        assert (entry["a"], entry["b"], entry["n"]) == ("a", "b", 60)
        assert entry["delta_ci"][0] < entry["delta"] < entry["delta_ci"][1]
        assert entry["delta_ci"][0] > 0
        assert entry["p_value"] <= entry["p_adjusted"] < 0.05
    (mean,) = overall
    assert (mean["directions"], mean["better"], mean["worse"]) == (2, 2, 0)
    assert mean["delta"] == pytest.approx(np.mean([d["comparisons"][0]["delta"] for d in details.values()]), abs=1e-4)


def test_deltas_are_sacrebleus() -> None:
    outputs = table({"a": 0.5, "b": 0.1})
    details, _ = described(outputs)
    rows = [row for row in outputs.to_pylist() if row["pair"] == "en-fr"]
    chrf = {}
    for system in ("a", "b"):
        mine = [row for row in rows if row["system"] == system]
        chrf[system] = CHRF().corpus_score([r["hypothesis"] for r in mine], [[r["reference"] for r in mine]]).score
    assert details["en-fr"]["comparisons"][0]["delta"] == pytest.approx(chrf["b"] - chrf["a"], abs=1e-4)


def test_equal_systems_differ_nowhere() -> None:
    outputs = table({"a": 0.3})
    twin = outputs.set_column(1, "system", pa.array(["b"] * len(outputs)))
    details, overall = described(pa.concat_tables([outputs, twin]))
    assert details["en-fr"]["comparisons"][0]["delta_ci"] == [0, 0]
    assert details["en-fr"]["comparisons"][0]["p_adjusted"] == 1.0
    assert details["en-fr"]["telling"]["wins"] == details["en-fr"]["telling"]["losses"] == []
    assert overall[0]["better"] == overall[0]["worse"] == 0


def test_systems_are_compared_on_what_both_have() -> None:
    details, _ = described(table({"a": 0.5, "b": 0.1, "c": 0.2}, skip=20))
    assert [(e["a"], e["b"], e["n"]) for e in details["en-fr"]["comparisons"]] == [
        ("a", "b", 40),
        ("a", "c", 40),
        ("b", "c", 40),
    ]


def test_telling_messages_are_the_largest_differences() -> None:
    outputs = table({"a": 0.5, "b": 0.1})
    telling = described(outputs)[0]["en-fr"]["telling"]
    deltas = [message["delta"] for message in telling["wins"]]
    assert deltas == sorted(deltas, reverse=True)
    assert len(deltas) == 8
    assert all(message["delta"] < 0 for message in telling["losses"])
    assert telling["worst"]["a"][0]["chrf"] <= telling["worst"]["a"][-1]["chrf"]
    assert any("omission" in message["flags"] for message in telling["worst"]["a"])


def test_buckets_and_histograms_count_messages() -> None:
    found = described(table({"a": 0.5, "b": 0.1}))[0]["en-fr"]
    assert {system: sum(counts) for system, counts in found["histograms"].items()} == {"a": 60, "b": 60}
    slang = next(b for b in found["buckets"] if (b["kind"], b["name"]) == ("slang", "with"))
    assert slang["n"] == 60
    for scores in slang["systems"].values():
        assert scores["chrf_ci"][0] < scores["chrf"] < scores["chrf_ci"][1]
    assert all(bucket["n"] >= MIN_BUCKET for bucket in found["buckets"])


def test_which_systems_are_compared() -> None:
    assert compared_systems(["a"]) == []
    assert compared_systems(["a", "b", "c"]) == [("a", "b"), ("a", "c"), ("b", "c")]
    run = ["teacher", "teacher_no_bt", "student", "student_int8", "student_no_kd", "nllb"]
    assert compared_systems(run) == [
        ("teacher", "student"),
        ("student", "student_int8"),
        ("teacher_no_bt", "teacher"),
        ("student_no_kd", "student"),
        ("teacher", "nllb"),
        ("teacher", "student_int8"),
    ]
    assert len(compared_systems(list("abcdefgh"))) == 6


def test_nothing_to_describe() -> None:
    assert described(SCHEMA.empty_table()) == ({}, [])
