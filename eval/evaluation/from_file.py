"""Evaluation outside a run: any systems on any test set file. Killed, it goes on with what is missing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from eval.config import EvaluationConfig
from eval.evaluation.external import FileEvaluationConfig, FileEvaluationStage
from eval.report.contents import evaluation_report, read_json
from eval.report.writing import write_report
from eval.scoring.merging import SCORES_FILE, merge_scores
from eval.scoring.shown_metrics import shown_metrics
from eval.stored_outputs import OUTPUTS, read_outputs
from eval.systems.config import SystemConfig
from eval.systems.loading import choose_device
from eval.testsets.testset import load
from parley.metrics.significance import SAMPLES
from parley.pipeline.atomic import remove, write_json
from parley.pipeline.errors import InputError
from parley.pipeline.fingerprint import LIBRARY, Digests, fingerprints

WORK: Final = "parts"  # of a killed evaluation: a folder for each system, by fingerprint


def evaluate_file(
    systems: Sequence[SystemConfig],
    testset: Path,
    out: Path,
    config: EvaluationConfig,
    split: str = "test",
    device: str = "auto",
    samples: int = SAMPLES,
) -> str:
    """Translate a test set with every system; write outputs, their scores, scores.json, report.json and its pages.

    The test set and the systems are checked before any model is loaded.

    Returns:
        One line per system with the mean scores, and where the report is.

    Raises:
        InputError: system, test set, split or direction that cannot be used.
    """
    load(testset, split).directions(config.pairs)
    choose_device(device)
    if out.exists() and not out.is_dir():
        raise InputError(f"out={out}: there is a file of that name")
    stages = [
        FileEvaluationStage(FileEvaluationConfig(system, config, str(testset), split, samples, device))
        for system in systems
    ]
    for stage in stages:
        _ = stage.given.chosen
    folders = _evaluate(stages, out / WORK)
    scores = [read_json(folder / SCORES_FILE) for folder in folders]
    facts: dict[str, Any] = {"testset": str(testset), "seeds": {"evaluation": config.seed}}
    facts |= {"model": systems[0].path} if len(systems) == 1 else {}
    facts["systems"] = {system.name: {"path": system.path, "format": system.chosen} for system in systems}
    report = evaluation_report(scores, facts)
    _gather(folders, out)
    write_json(out / SCORES_FILE, merge_scores(scores))
    write_report(out, report, read_outputs([folder / OUTPUTS for folder in folders]), config.seed, samples)
    remove(out / WORK)
    return _lines(report, out)


def _evaluate(stages: Sequence[FileEvaluationStage], work: Path) -> list[Path]:
    """Finished folder of each system; what an earlier call with the same systems and messages left is gone on with."""
    found = []
    for stage, fingerprint in fingerprints(stages, Digests(work / LIBRARY)).items():
        folder = work / f"{stage.name}-{fingerprint}"
        if not (folder / SCORES_FILE).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            stage.run(folder, {})
        found.append(folder)
    return found


def _gather(folders: Sequence[Path], out: Path) -> None:
    """The perturbed outputs of all systems, each kind in one table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from eval.testsets.outputs import write_table

    names = dict.fromkeys(path.name for folder in folders for path in sorted(folder.glob("outputs_*.parquet")))
    for name in names:
        tables = [pq.read_table(folder / name) for folder in folders if (folder / name).is_file()]
        write_table(out / name, pa.concat_tables(tables))


def _lines(report: dict[str, Any], out: Path) -> str:
    shown = shown_metrics(report)
    lines = []
    for name, mean in report["mean"].items():
        label = f"{name}: " if len(report["mean"]) > 1 else ""
        values = ", ".join(f"{one['label']} {mean[one['name']]:.{one['digits']}f}" for one in shown)
        lines.append(f"{label}mean of {mean['directions']} directions: {values}; see {out}/index.html")
    return "\n".join(lines)
