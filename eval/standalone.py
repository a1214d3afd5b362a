"""Evaluation outside a run: any systems on any test set file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from eval.config import EvaluationConfig
from eval.evaluate import Evaluation
from eval.report.data import evaluation_report
from eval.report.report import write_report
from eval.scoring.merging import merge_scores
from eval.systems.config import SystemConfig
from eval.systems.evaluating import evaluate_system
from eval.systems.opening import choose_device
from eval.testsets import testset as testsets
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import newest_artifact


def evaluate_file(
    systems: Sequence[SystemConfig], testset: Path, out: Path, config: EvaluationConfig, split: str, device: str
) -> str:
    """Translate a test set with every system; write outputs, their scores, scores.json, report.json and its pages.

    The test set is read and checked before any model is loaded.

    Returns:
        One line per system with the mean scores, and where the report is.

    Raises:
        InputError: system, test set, split or direction that cannot be used.
    """
    data = testsets.load(testset, split)
    data.directions(config.pairs)
    if out.exists() and not out.is_dir():
        raise InputError(f"out={out}: there is a file of that name")
    evaluation = _joined([evaluate_system(system, data, config, device) for system in systems])
    evaluation.save(out)
    facts: dict[str, Any] = {"testset": str(testset), "seeds": {"evaluation": config.seed}}
    facts |= {"model": systems[0].path} if len(systems) == 1 else {}
    facts["systems"] = {system.name: {"path": system.path, "format": system.chosen} for system in systems}
    report = evaluation_report(evaluation.scores, evaluation.scores["systems"], facts)
    write_report(out, report, evaluation.outputs, evaluation.messages, config)
    lines = [
        f"{name + ': ' if len(systems) > 1 else ''}mean of {mean['directions']} directions: chrF {mean['chrf']:.1f}, "
        f"BLEU {mean['bleu']:.1f}; see {out}/index.html"
        for name, mean in report["mean"].items()
    ]
    return "\n".join(lines)


def _joined(found: Sequence[Evaluation]) -> Evaluation:
    """Several evaluations of one test set as one."""
    if len(found) == 1:
        return found[0]
    outputs, messages = (
        pa.concat_tables(tables) for tables in zip(*((f.outputs, f.messages) for f in found), strict=True)
    )
    names = dict.fromkeys(name for one in found for name in one.conditions)
    harder = {name: pa.concat_tables(f.conditions[name] for f in found if name in f.conditions) for name in names}
    return Evaluation(outputs, messages, harder, merge_scores([one.scores for one in found]))


def load_translator(model: str, config: EvaluationConfig, device: str = "auto") -> Any:
    """The translator of a model folder, or of the newest model in `runs/<name>/<stage>`.

    `auto` takes a GPU where there is one.

    Raises:
        InputError: no model there, or an unknown or absent device.
    """
    from transformers.utils import logging

    from parley.decoding.translator import DecodingConfig
    from training.model.loading import Translator

    chosen = choose_device(device)
    logging.disable_progress_bar()  # of loading weights; the output belongs to the caller
    return Translator.load(newest_artifact(Path(model)), DecodingConfig(beam_size=config.beam_size), device=chosen)
