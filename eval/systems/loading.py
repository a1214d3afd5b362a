"""From a folder, or a system's config, to something that translates."""

from pathlib import Path
from typing import TYPE_CHECKING

from eval.systems.config import SystemConfig
from eval.systems.named_model import named_model
from eval.testsets.testset import TestSet
from parley.decoding.protocols import TranslatesMany
from parley.pipeline.contents import check_contents
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from parley.decoding.translator import Translator


def open_system(
    system: SystemConfig, testset: TestSet, beam_size: int = 1, device: str = "auto", threads: int = 0
) -> TranslatesMany:
    """Load a system; a file of outputs needs the test set to know its messages.

    Args:
        threads: of an engine that keeps its own (CTranslate2); 0 leaves it to the engine.

    Raises:
        InputError: no system there, a package that is not installed, or an unknown or absent device.
    """
    path, kind = named_model(Path(system.path)).path, system.chosen
    check_contents(path)
    if kind == "outputs":
        from eval.systems.output_file import OutputFile

        return OutputFile.load(path, testset)
    if kind == "ctranslate2":
        from eval.systems.ctranslate2_system import CTranslate2System

        return CTranslate2System.load(path, system, beam_size, choose_device(device), threads)
    if kind == "transformers":
        from eval.systems.transformers_system import TransformersSystem

        return TransformersSystem.load(path, system, beam_size, choose_device(device))
    return load_translator(path, beam_size, device)


def load_translator(model: Path, beam_size: int = 1, device: str = "auto") -> "Translator":
    """The translator of a model folder, or of what `named_model` takes for a run or its stage.

    Raises:
        InputError: no model there, or an unknown or absent device.
    """
    from transformers.utils import logging

    from parley.decoding.translator import DecodingConfig
    from training.model.loading import Translator

    folder, chosen = named_model(model).path, choose_device(device)
    check_contents(folder)
    logging.disable_progress_bar()  # of loading weights; the output belongs to the caller
    return Translator.load(folder, DecodingConfig(beam_size=beam_size, guarded=True), device=chosen)


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
