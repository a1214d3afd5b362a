"""What report.json holds, gathered from the folders of finished stages. See docs/evaluation.md for the keys."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eval.report.quality_agreement import quality_agreement
from eval.report.run_facts import machine_facts, run_facts, stage_facts
from eval.report.training_curves import training_curves
from eval.scoring.merging import SCORES_FILE, merge_scores
from eval.systems.model_size import model_size
from parley.pipeline.errors import InputError

Report = dict[str, Any]
SCHEMA_VERSION: Final = 1
_FROM_SCORES: Final = (
    "pairs",
    "mean",
    "into",
    "metrics",
    "slices",
    "source_detection",
    "speed",
    "quantization",
    "copy_accuracy",
    "safety",
    "terms",
)


def run_report(folders: Mapping[str, Path]) -> Report:
    """Report of a run.

    Args:
        folders: finished stage folders by stage name; stages that are missing leave their keys out.
    """
    report: Report = {"schema": SCHEMA_VERSION, "run": run_facts(folders)}
    if "teacher" in folders:
        report |= _teacher(folders["teacher"])
    if "corpus" in folders:
        report["data"] = _data(folders["corpus"])
    if "tokenizer" in folders:
        report["tokenizer"] = stage_facts(folders["tokenizer"])
    if "backtranslation" in folders:
        report["backtranslation"] = read_json(folders["backtranslation"] / "backtranslation.json")
    if "qe_evaluation" in folders:
        report["qe"] = quality_agreement(read_json(folders["qe_evaluation"] / "qe_scores.json"))
    evaluations = evaluation_folders(folders)
    if evaluations:
        report |= _scores([read_json(folder / SCORES_FILE) for folder in evaluations], report.get("systems", {}))
    return report


def evaluation_report(scores: list[Report], run: Report) -> Report:
    """Report of evaluations outside a run, as `scripts/evaluate.py` writes it."""
    return {"schema": SCHEMA_VERSION, "run": machine_facts() | run} | _scores(scores, {})


def evaluation_folders(folders: Mapping[str, Path]) -> list[Path]:
    """Those of the folders that hold an evaluation."""
    return [folder for folder in folders.values() if (folder / SCORES_FILE).exists()]


def read_json(path: Path) -> Report:
    """Content of a JSON file of a stage.

    Raises:
        InputError: missing or broken.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error


def _scores(parts: list[Report], known: Report) -> Report:
    """Keys of all evaluations together; sizes by system, in the order of the scores."""
    scores = merge_scores(parts)
    told = scores.get("systems", {})
    names = dict.fromkeys([*scores.get("mean", {}), *told, *known])
    found = {key: scores[key] for key in _FROM_SCORES if key in scores}
    return found | {"systems": {name: told.get(name, {}) | known.get(name, {}) for name in names}}


def _teacher(folder: Path) -> Report:
    report: Report = {"systems": {"teacher": model_size(folder)}}
    if (folder / "routing.json").exists():
        report["routing"] = read_json(folder / "routing.json")
    if (folder / "training_log.jsonl").exists():
        curves = training_curves(folder / "training_log.jsonl")
        report["training"] = stage_facts(folder) | {"curves": curves}
    return report


def _data(folder: Path) -> Report:
    facts = stage_facts(folder)
    if (folder / "cleaning.json").exists():
        facts["cleaning"] = read_json(folder / "cleaning.json")
    return facts
