"""From a system's config to something that translates."""

from pathlib import Path

from eval.config import EvaluationConfig
from eval.systems.config import SystemConfig
from eval.testsets.testset import TestSet
from parley.decoding.protocols import TranslatesMany
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import newest_artifact


def open_system(
    system: SystemConfig, testset: TestSet, config: EvaluationConfig, device: str = "auto", threads: int = 0
) -> TranslatesMany:
    """Load a system; a file of outputs needs the test set to know its messages.

    Args:
        threads: of an engine that keeps its own (CTranslate2); 0 leaves it to the engine.

    Raises:
        InputError: no system there, a package that is not installed, or an unknown or absent device.
    """
    path, kind = newest_artifact(Path(system.path)), system.chosen
    if kind == "outputs":
        from eval.systems.output_file import OutputFile

        return OutputFile.load(path, testset)
    chosen = choose_device(device)
    if kind == "ctranslate2":
        from eval.systems.ctranslate2_system import CTranslate2System

        return CTranslate2System.load(path, system, config.beam_size, chosen, threads)
    if kind == "transformers":
        from eval.systems.transformers_system import TransformersSystem

        return TransformersSystem.load(path, system, config.beam_size, chosen)
    from parley.decoding.translator import DecodingConfig
    from training.model.loading import Translator

    return Translator.load(path, DecodingConfig(beam_size=config.beam_size), device=chosen)


def choose_device(device: str) -> str:
    """cpu or cuda; `auto` takes a GPU where there is one.

    Raises:
        InputError: an unknown or absent device.
    """
    import torch

    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device={device}: choose auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device=cuda: there is no GPU here that PyTorch can use")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
