"""A toy run with a student and a model of quality estimation: every stage of every room, one after the other."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_pipeline import script, toy

CHANGES = {
    "evaluation.pairs": "[en-fr,fr-th]",
    "distillation": "demo",
    "distillation.training.max_updates": 4,
    "distillation.training.warmup_updates": 1,
    "distillation.tokens.tokens": 5000,
    "distillation.export.parity_messages": 4,
    "student.d_model": 32,
    "student.encoder_layers": 1,
    "student.encoder_ffn_dim": 32,
    "student.decoder_ffn_dim": 32,
    "qe": "demo",
    "qe.training.max_updates": 3,
    "qe.training.warmup_updates": 1,
    "qe.mixture.batch_tokens": 512,
    "qe.evaluation.bootstrap_samples": 20,
    "qe.evaluation.damage_messages": 2,
    "qe_data.synthetic.per_language": 20,
    "qe_data.synthetic.held_out": 5,
    "qe_data.contrast.conversations": 1,
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    for package in ("onnx", "onnxruntime", "ctranslate2"):
        pytest.importorskip(package)
    root = tmp_path_factory.mktemp("runs")
    done = script("pipeline", *toy(root), *(f"{key}={value}" for key, value in CHANGES.items()))
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads((Path(root) / "demo/report/report.json").read_text(encoding="utf-8"))
    return told


def test_teacher_and_both_students_are_systems(report: dict[str, Any]) -> None:
    assert set(report["mean"]) == {"teacher", "student", "student_no_kd"}
    assert set(report["pairs"]) == {"en-fr", "fr-th"}
    assert report["systems"]["student"]["params"] < report["systems"]["teacher"]["params"]


def test_quality_estimation_is_in_the_report(report: dict[str, Any]) -> None:
    assert {"synthetic", "context", "damage"} == set(report["qe"])
    assert {"mcc", "mcc_ci", "severity_macro_f1", "severity_macro_f1_ci"} == set(report["qe"]["synthetic"])


def test_every_stage_has_its_seconds(report: dict[str, Any]) -> None:
    rooms = {"qe_data", "qe", "qe_evaluation", "token_targets", "student", "student_no_kd", "student_export"}
    assert rooms <= set(report["run"]["seconds"])
