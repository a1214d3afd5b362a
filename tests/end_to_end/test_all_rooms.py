"""A toy run with a student and a model of quality estimation: every stage of every room, one after the other."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.toy_run import overrides, script, toy

CHANGES = {
    "evaluation.pairs": "[en-fr,fr-th]",
    "evaluation.latency_messages": 3,
    "distillation": "demo",
    "distillation.control": "true",
    "distillation.training.max_updates": 4,
    "distillation.training.warmup_updates": 1,
    "distillation.tokens.tokens": 5000,
    "student.d_model": 32,
    "student.encoder_layers": 1,
    "student.ffn_dim": 32,
    "qe": "demo",
    "qe.training.max_updates": 3,
    "qe.training.warmup_updates": 1,
    "qe.mixture.batch_tokens": 512,
    "qe.evaluation.bootstrap_samples": 20,
    "qe.evaluation.damage_messages": 2,
    "qe_data.per_language": 20,
    "qe_data.held_out": 5,
    "qe_data.conversations": 1,
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    for package in ("onnx", "onnxruntime", "ctranslate2"):
        pytest.importorskip(package)
    root = tmp_path_factory.mktemp("runs")
    done = script("pipeline", *toy(root), *overrides(CHANGES))
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads((Path(root) / "demo/report/report.json").read_text(encoding="utf-8"))
    return told


SYSTEMS = ("teacher", "student", "student_int8", "student_no_kd")


def test_teacher_students_and_exports_are_systems(report: dict[str, Any]) -> None:
    assert tuple(report["mean"]) == SYSTEMS
    assert set(report["pairs"]) == {"en-fr", "fr-th"}
    assert report["systems"]["student"]["params"] < report["systems"]["teacher"]["params"]


def test_gaps_stand_in_every_direction(report: dict[str, Any]) -> None:
    for entry in report["pairs"].values():
        compared = {(row["a"], row["b"]) for row in entry["comparisons"]}
        assert {("teacher", "student"), ("student", "student_int8"), ("student_no_kd", "student")} <= compared
    gates = {gate["name"]: gate["passed"] for gate in report["gates"]}
    judged = {name for name in gates if gates[name] is not None}
    assert {"student_gap", "worst_gap", "int8_delta", "size", "latency"} <= judged


def test_eight_bits_are_told_layer_by_layer(report: dict[str, Any]) -> None:
    assert report["systems"]["student_int8"]["bytes"] > 0
    assert {"name", "error"} <= report["quantization"]["student_int8"]["layers"][0].keys()
    assert report["speed"]["student_int8"]["latency_messages"] == 3


def test_every_output_was_scored(report: dict[str, Any]) -> None:
    for entry in report["pairs"].values():
        for system in SYSTEMS:
            quality = entry["systems"][system]["qe"]
            assert 0 <= quality["score"] <= 100
            assert {"minor", "major", "critical", "dimensions", "score_ci"} <= quality.keys()
    assert report["mean"]["student_int8"]["qe"]["directions"] == 2


def test_quality_estimation_is_in_the_report(report: dict[str, Any]) -> None:
    assert {"synthetic", "context", "damage", "error_free"} == set(report["qe"])
    assert {"mcc", "mcc_ci", "severity_macro_f1", "severity_macro_f1_ci"} <= set(report["qe"]["synthetic"])


def test_every_stage_has_its_seconds(report: dict[str, Any]) -> None:
    rooms = {
        "quality_student_int8",
        "evaluation_student_int8",
        "qe_data",
        "qe",
        "qe_evaluation",
        "token_targets",
        "student",
        "student_no_kd",
        "student_export",
    }
    assert rooms <= set(report["run"]["seconds"])
