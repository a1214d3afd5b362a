"""Loading any encoder-decoder of the pipeline, the teacher among them, which `transformers` is told of here."""

from functools import lru_cache
from pathlib import Path

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSeq2SeqLM
from transformers.utils import logging

from parley.decoding.translator import Translator, load_model
from training.model.configuration import ParleyMoeConfig
from training.model.modelling import ParleyMoeForConditionalGeneration

__all__ = ["Translator", "cast_positions", "load_model", "shared_translator", "to_device"]

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
        to_device(translator.model, translator.device, torch.bfloat16)
    return translator


def to_device(model: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Move a model that is not trained, its parameters cast but for those that stay in fp32: the routers'."""
    for parameter in model.parameters():
        if not getattr(parameter, "keep_fp32", False):
            parameter.data = parameter.data.to(dtype)
    nn.Module.to(model, device)
    cast_positions(model)


def cast_positions(model: nn.Module) -> None:
    """Have M2M100's positions, a float32 buffer, added in the type of the embedding; else bf16 weights meet float32."""
    stacks = [getattr(getattr(model, "model", None), name, None) for name in ("encoder", "decoder")]
    for stack in stacks:
        positions, embedding = getattr(stack, "embed_positions", None), getattr(stack, "embed_tokens", None)
        if positions is not None and embedding is not None:
            positions.register_forward_hook(lambda _, __, out, table=embedding: out.to(table.weight.dtype))
