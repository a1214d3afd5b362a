"""The evaluation and report stages on a real corpus folder and a tiny teacher."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from eval.config import EvaluationConfig
from eval.stage import EvaluationStage, ReportStage, corpus_testset
from pipeline.atomic import write_json
from pipeline.errors import InputError
from pipeline.manifest import Manifest, write_manifest
from tests.eval import examples
from training.corpus.store import FACTS, count, write_shards

CONFIG = EvaluationConfig(bootstrap_samples=100, auto_source_messages=1, samples=5)


def manifest(stage: str, config: dict[str, Any], facts: dict[str, Any]) -> Manifest:
    return Manifest(stage, 1, f"{stage}-print", config, {}, {}, facts, 1.5, 1, "2025-01-01T00:00:00")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "example" / "corpus" / "print"
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
    assert len(report["samples"]) == 5
    assert "routing" in report
    page = (report_folder / "index.html").read_text()
    assert "fr-th" in page
    assert "Experts by language" in (report_folder / "routing.html").read_text()
    published = {name for name in ReportStage.published if not (report_folder / name).exists()}
    assert published == set()
    assert {path.stem for path in (report_folder / "pairs").iterdir()} == set(report["pairs"])
    assert {path.stem for path in (report_folder / "languages").iterdir()} == {"en", "fr", "th"}


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
