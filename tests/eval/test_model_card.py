"""The card of a promoted model: the Hub's format, and what is known of the model."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from eval.gates.promotions import Promotion
from eval.model_card import model_card, write_cards
from parley.pipeline.atomic import write_json
from parley.pipeline.manifest import NAME, Manifest, write_manifest

NAMES = {stage: letter * 16 for stage, letter in (("teacher", "a"), ("qe_data", "b"), ("qe", "c"))}
GATE = {"name": "mean", "passed": None, "value": None, "compare": ">=", "limit": 40.0, "note": "no|thing"}
QE = {
    "synthetic": {"mcc": 0.5, "mcc_ci": [0.4, 0.6], "baselines": {"length": 0.1}},
    "human": {"en-de": {"mcc": 0.2, "mcc_ci": [0.1, 0.3]}},
}


def report(**data: Any) -> dict[str, Any]:
    mean = {"chrf": 71.23, "chrf_ci": [70.0, 72.0], "off_target": 0.012, "directions": 2}
    pairs = {name: {"systems": {"teacher": {"chrf": score}}} for name, score in (("en-th", 80.0), ("th-en", 60.0))}
    corpus = {"sources": {"chat": {"format": "hub", "path": "someone/chat"}, "own": {"format": "tsv", "path": "a.tsv"}}}
    return {
        "run": {"name": "r", "fingerprints": NAMES, "configs": {"corpus": corpus}},
        "mean": {"teacher": mean},
        "pairs": pairs,
        "systems": {"teacher": {"params": 2_300_000}},
        "data": {"languages": {"en": {}, "th": {}, "zh-Hant": {}}, "sources": {"chat": {"licence": "MIT"}}} | data,
        "qe": QE,
    }


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    for stage, name in NAMES.items():
        facts = {"licences": {"mqm": "CC-BY-4.0"}} if stage == "qe_data" else {}
        config = {"seed": 7, "key": "<b>"}
        (tmp_path / "r" / stage / name).mkdir(parents=True)
        manifest = Manifest(stage, 1, name, config, {"corpus": "d" * 16}, {}, facts, 1.0, 1, "2026-01-01")
        write_manifest(tmp_path / "r" / stage / name, manifest)
    return tmp_path / "r"


def card(run_dir: Path, kind: str, **data: Any) -> ModelCard:
    """Written by a promotion, read as the Hub reads it."""
    write_json(run_dir / "report" / ("e" * 16) / "report.json", report(**data))
    write_cards(run_dir, Promotion("e" * 16, "r", "teacher", NAMES, "2026-01-02"), [GATE])
    return ModelCard.load(run_dir / kind / NAMES[kind] / "README.md")


def test_a_teacher(run_dir: Path) -> None:
    found = card(run_dir, "teacher")
    assert found.data.language == ["en", "th", "zh"]
    assert (found.data.license, found.data.datasets) == ("mit", ["someone/chat"])
    result = found.data.eval_results[0]
    assert (result.metric_type, result.metric_value) == ("chrf", 71.23)
    assert "95 %: 70.000 to 72.000" in result.metric_name
    for text in (
        "| chrF | teacher, mean of 2 directions | 71.230 | 70.000 to 72.000 |",
        "Weakest directions: th-en 60.0, en-th 80.0.",
        "wrong language 1.2 %, empty not measured",
        "| mean | not judged |  | >= 40 | no\\|thing |",
        "| chat | MIT |",
        "2.3 M parameters",
        "| **teacher** | aaaaaaaaaaaaaaaa |",
        "| corpus | dddddddddddddddd |",
        '"seed": 7',
    ):
        assert text in found.text


def test_quality_estimation(run_dir: Path) -> None:
    found = card(run_dir, "qe")
    assert found.data.pipeline_tag == "token-classification"
    assert {result.metric_type for result in found.data.eval_results} == {"mcc"}
    assert (found.data.license, found.data.license_name) == ("other", "licences-of-the-data")
    assert "| mqm | CC-BY-4.0 |" in found.text
    assert "| mcc | people, en-de | 0.200 | 0.100 to 0.300 |" in found.text
    assert "not against people" not in found.text


def test_licences_that_nobody_stated(run_dir: Path) -> None:
    found = card(run_dir, "teacher", sources={"own": {"licence": ""}})
    assert found.data.license == "other"
    assert "| own | not stated |" in found.text


def test_the_digests_of_the_stage_stay_right(run_dir: Path) -> None:
    before = (run_dir / "teacher" / NAMES["teacher"] / NAME).read_bytes()
    card(run_dir, "teacher")
    assert (run_dir / "teacher" / NAMES["teacher"] / NAME).read_bytes() == before


def test_without_translations_or_quality_there_are_no_figures() -> None:
    manifest = Manifest("teacher", 1, "a" * 16, {}, {}, {}, {}, 1.0, 1, "2026-01-01")
    text = model_card("teacher", manifest, Path("r"), Promotion("e"), {"run": {}}, [])
    assert "model-index" not in text
