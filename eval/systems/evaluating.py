"""A system from elsewhere on a test set: in a run's stage, and from the command line."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from eval.config import EvaluationConfig
from eval.evaluate import Evaluation, evaluate
from eval.report.data import model_size
from eval.systems.config import SystemConfig
from eval.systems.opening import open_system
from eval.testsets.testset import TestSet
from parley.pipeline.manifest import newest_artifact


def evaluate_system(
    system: SystemConfig, data: TestSet, config: EvaluationConfig, device: str = "auto", parts: Path | None = None
) -> Evaluation:
    """Translate and score. What only knows told source languages is not asked without; a file has no speed.

    Args:
        parts: folder for finished groups of directions; None keeps nothing.

    Raises:
        InputError: a system, or a direction of it, that cannot be used.
    """
    from transformers.utils import logging

    from parley.languages.identification import LanguageIdentifier

    logging.disable_progress_bar()  # of loading weights; the output belongs to the caller
    kind = system.chosen
    chosen = replace(config, pairs=system.pairs) if system.pairs else config
    if kind in ("outputs", "transformers"):
        chosen = replace(chosen, auto_source_messages=0)
    if kind == "outputs":
        chosen = replace(chosen, latency_messages=0, disturbed_messages=0)
    opened = partial(open_system, system, data, chosen, device)
    alone = partial(opened, threads=1) if kind == "ctranslate2" else None
    found = evaluate(opened(), system.name, data, chosen, LanguageIdentifier(), parts, alone)
    if kind == "outputs":
        del found.scores["speed"]
    found.scores["systems"] = {system.name: model_size(newest_artifact(Path(system.path)))}
    return found
