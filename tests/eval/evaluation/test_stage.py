"""The evaluation and report stages on a real corpus folder and a tiny teacher."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.config import EvaluationConfig
from eval.evaluation.stage import EvaluationStage, corpus_testset
from eval.report.stage import ReportStage
from parley.metrics.message_quality import SCHEMA as QUALITY
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import write_manifest
from tests.eval import examples
from tests.eval.examples import Phrasebook
from tests.eval.stage_folders import manifest

CONFIG = EvaluationConfig(perturbed_messages=1)


def test_held_out_messages_of_a_corpus(corpus: Path) -> None:
    assert corpus_testset(corpus, "test").texts == examples.testset().texts
    with pytest.raises(InputError, match="corpus, split dev: no rows to evaluate on"):
        corpus_testset(corpus, "dev")


def test_evaluation_then_report(corpus: Path, model_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "example" / "evaluation" / "print"
    facts = EvaluationStage(CONFIG).run(out, {"corpus": corpus, "model": model_folder})
    assert facts["directions"] == 6
    assert {p.name for p in out.iterdir()} == {
        "outputs.parquet",
        "message_scores.parquet",
        "outputs_auto_source.parquet",
        "outputs_copied.parquet",
        "outputs_mixed.parquet",
        "outputs_noisy.parquet",
        "outputs_short_messages.parquet",
        "outputs_wrong_source.parquet",
        "scores.json",
    }
    write_manifest(out, manifest("evaluation", {"seed": 1}, facts))
    teacher = tmp_path / "example" / "teacher" / "print"
    teacher.mkdir(parents=True)
    for name in ("model.safetensors", "config.json"):
        (teacher / name).write_bytes((model_folder / name).read_bytes())
    write_manifest(teacher, manifest("teacher", {"training": {"seed": 7}}, {"active_params": 99, "updates": 5}))
    lines = [{"kind": "train", "update": 1, "loss": 5.0}, {"kind": "validation", "update": 1, "dev/loss": None}]
    (teacher / "training_log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_json(teacher / "routing.json", {"languages": ["en"], "experts_by_language": {"encoder.0": [[0.5, 0.5]]}})

    report_folder = tmp_path / "example" / "report" / "print"
    report_folder.mkdir(parents=True)
    ReportStage(CONFIG).run(report_folder, {"corpus": corpus, "teacher": teacher, "evaluation": out})
    report = json.loads((report_folder / "report.json").read_text())
    assert report["schema"] == 1
    assert report["run"]["name"] == "example"
    assert report["run"]["seeds"] == {"corpus": 3, "corpus.cleaning": 4, "evaluation": 1, "teacher.training": 7}
    assert report["run"]["seconds"] == {"corpus": 1.5, "teacher": 1.5, "evaluation": 1.5}
    assert report["systems"]["teacher"]["active_params"] == 99
    assert report["systems"]["teacher"]["params"] > 10_000
    assert report["pairs"].keys() == {"en-fr", "fr-en", "en-th", "th-en", "fr-th", "th-fr"}
    assert report["training"]["curves"] == {"loss": [[1, 5.0]]}
    assert report["data"]["withheld_pairs"] == ["fr-th"]
    assert report["source_detection"].keys() >= {"accuracy", "by_length"}
    assert len(report["samples"]) == 18
    assert "routing" in report
    page = (report_folder / "index.html").read_text()
    assert "fr-th" in page
    assert "Experts by language" in (report_folder / "routing.html").read_text()
    published = {name for name in ReportStage.published if not (report_folder / name).exists()}
    assert published == set()
    assert {path.stem for path in (report_folder / "pairs").iterdir()} == set(report["pairs"])
    assert {path.stem for path in (report_folder / "languages").iterdir()} == {"en", "fr", "th"}


class Exported:
    """Opens forms of an export; notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, str, int]] = []

    def __call__(self, folder: Path, form: str, threads: int) -> Phrasebook:
        self.asked.append((folder, form, threads))
        return Phrasebook(examples.testset())


def test_a_form_of_an_export_is_a_system(corpus: Path, tmp_path: Path) -> None:
    export, opens = tmp_path / "export", Exported()
    layers = [{"name": "encoder.layers.0.fc1", "error": 0.02, "outliers": 4.0}]
    write_json(export / "exports.json", {"forms": {"onnx": {"bytes": 1234}}, "layers": layers, "params": 99})
    config = EvaluationConfig(perturbed_messages=0, latency_messages=5, quality_messages=3)
    stage = EvaluationStage(config, {}, "student_int8", "onnx", opens)
    assert stage.name == "evaluation_student_int8"
    assert stage.config == replace(config, quality_messages=0)  # what others do is no part of its fingerprint
    out = tmp_path / "example" / stage.name / "print"
    facts = stage.run(out, {"corpus": corpus, "model": export})
    assert opens.asked == [(export, "onnx", 0), (export, "onnx", 1)]  # all messages, then one at a time
    write_manifest(out, manifest(stage.name, {}, facts))
    ReportStage(CONFIG).run(tmp_path / "report", {stage.name: out})
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["systems"]["student_int8"] == {"params": 99, "active_params": 99, "bytes": 1234}
    assert report["quantization"]["student_int8"] == {"engine": "onnx", "layers": layers}
    assert report["speed"]["student_int8"]["latency_messages"] == 5
    assert report["mean"]["student_int8"]["chrf"] == pytest.approx(100)


def test_scores_of_quality_estimation_reach_report_and_page(corpus: Path, model_folder: Path, tmp_path: Path) -> None:
    stage, folder = EvaluationStage(CONFIG), tmp_path / "example" / "quality" / "print"
    out = tmp_path / "example" / stage.name / "print"
    write_manifest(out, manifest(stage.name, {}, stage.run(out, {"corpus": corpus, "model": model_folder})))
    span = {"start": 0, "end": 1, "side": "target", "severity": "major", "dimension": "accuracy"}
    counts = {"minor": 0, "major": 1, "critical": 0, "accuracy": 1, "fluency": 0, "consistency": 0}
    keys = pq.read_table(out / "outputs.parquet").select(["pair", "system", "row_id"]).to_pylist()
    rows = [key | counts | {"score": 82.0, "words": 4, "flags": [], "spans": [span]} for key in keys]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=QUALITY), folder / "quality.parquet")
    write_manifest(folder, manifest("quality", {}, {}))
    ReportStage(CONFIG).run(tmp_path / "report", {"evaluation": out, "quality": folder})
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["pairs"]["en-fr"]["systems"]["teacher"]["qe"]["major"] == 25.0
    assert report["mean"]["teacher"]["qe"]["score"] == pytest.approx(82.0)
    assert pq.read_table(tmp_path / "report" / "quality.parquet").num_rows == len(rows)
    page = (tmp_path / "report" / "pairs" / "en-fr.html").read_text()
    assert "Worst by quality estimation" in page
    assert "QE: not run" not in (tmp_path / "report" / "index.html").read_text()


def test_a_broken_log_or_scores_file_is_named(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "example" / "evaluation" / "print"
    out.mkdir(parents=True)
    (out / "scores.json").write_text("{")
    write_manifest(out, manifest("evaluation", {}, {}))
    with pytest.raises(InputError, match=r"scores.json: not readable as JSON"):
        ReportStage(CONFIG).run(tmp_path, {"evaluation": out})


def test_every_system_has_its_own_stage_and_the_report_holds_all(corpus: Path, model_folder: Path) -> None:
    root = corpus.parents[1]
    folders = {"corpus": corpus}
    for system in ("teacher", "student"):
        stage = EvaluationStage(CONFIG, system=system)
        out = root / stage.name / "print"
        write_manifest(out, manifest(stage.name, {}, stage.run(out, {"corpus": corpus, "model": model_folder})))
        folders[stage.name] = out
    assert list(folders) == ["corpus", "evaluation", "evaluation_student"]
    ReportStage(CONFIG).run(root / "report", folders)
    report = json.loads((root / "report" / "report.json").read_text())
    assert list(report["systems"]) == list(report["mean"]) == list(report["speed"]) == ["teacher", "student"]
    assert all(list(entry["systems"]) == ["teacher", "student"] for entry in report["pairs"].values())
    assert report["systems"]["student"]["params"] > 10_000
    assert report["source_detection"]["systems"].keys() == {"student"}
    assert report["slices"]["auto_source"].keys() == {"teacher", "student"}
