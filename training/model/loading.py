"""Loading any encoder-decoder of the pipeline, the teacher among them, which `transformers` is told of here."""

from functools import lru_cache
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForSeq2SeqLM
from transformers.utils import logging

from parley.decoding.translator import Translator, load_model
from training.model.configuration import ParleyMoeConfig
from training.model.modelling import ParleyMoeForConditionalGeneration

__all__ = ["Translator", "load_model", "shared_translator"]

AutoConfig.register(ParleyMoeConfig.model_type, ParleyMoeConfig, exist_ok=True)
AutoModelForSeq2SeqLM.register(ParleyMoeConfig, ParleyMoeForConditionalGeneration, exist_ok=True)


@lru_cache(maxsize=1)
def shared_translator(folder: Path) -> Translator:
    """A model that one process uses for shard after shard; on a GPU where there is one, then in bf16 where it can be.

    Raises:
        InputError: no model in the folder.
    """
    logging.disable_progress_bar()  # of loading weights: not worth a line
    on_gpu = torch.cuda.is_available()
    translator = Translator.load(folder, device="cuda" if on_gpu else "cpu")
    if on_gpu and torch.cuda.is_bf16_supported():
        translator.model.to(torch.bfloat16)  # type: ignore[arg-type]  # its decorator hides `self`
    return translator
