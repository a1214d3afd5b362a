"""Evaluation outside a run: any model folder on any test set file."""

from pathlib import Path
from typing import Any

from eval import testset as testsets
from eval.config import EvaluationConfig
from eval.evaluate import evaluate
from eval.report import write_report
from eval.report_data import evaluation_report, model_size
from pipeline.errors import InputError
from pipeline.manifest import newest_artifact


def evaluate_file(
    model: str, testset: Path, out: Path, config: EvaluationConfig, system: str, split: str, device: str
) -> str:
    """Translate a test set, write outputs.parquet, message_scores.parquet, scores.json, report.json and its pages.

    The test set is read and checked before the model is loaded.

    Returns:
        One line with the mean scores and where the report is.

    Raises:
        InputError: model, test set, split or direction that cannot be used.
    """
    data = testsets.load(testset, split)
    directions = data.directions(config.pairs)
    if out.exists() and not out.is_dir():
        raise InputError(f"out={out}: there is a file of that name")
    from training.language_id import LanguageIdentifier

    evaluation = evaluate(load_translator(model, config, device), system, data, config, LanguageIdentifier())
    evaluation.save(out)
    facts: dict[str, Any] = {"model": model, "testset": str(testset), "seeds": {"evaluation": config.seed}}
    report = evaluation_report(evaluation.scores, {system: model_size(newest_artifact(Path(model)))}, facts)
    write_report(out, report, evaluation.outputs, evaluation.messages, config)
    mean = report["mean"][system]
    return (
        f"mean of {len(directions)} directions: chrF {mean['chrf']:.1f}, BLEU {mean['bleu']:.1f}; see {out}/index.html"
    )


def load_translator(model: str, config: EvaluationConfig, device: str = "auto") -> Any:
    """The translator of a model folder, or of the newest model in `runs/<name>/<stage>`.

    `auto` takes a GPU where there is one.

    Raises:
        InputError: no model there, or an unknown or absent device.
    """
    import torch
    from transformers.utils import logging

    from training.translate import DecodingConfig, Translator

    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device={device}: choose auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device=cuda: there is no GPU here that PyTorch can use")
    logging.disable_progress_bar()  # of loading weights; the output belongs to the caller
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    return Translator.load(newest_artifact(Path(model)), DecodingConfig(beam_size=config.beam_size), device=chosen)
