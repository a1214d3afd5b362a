"""A quality-estimation model on disk: weights and tokenizer."""

from pathlib import Path
from typing import TYPE_CHECKING

from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils import logging

from parley.pipeline.atomic import raise_if_full
from parley.pipeline.errors import InputError
from parley.pretrained import load_pretrained, read_settings
from qe_model.model.config import TEACHER
from qe_model.model.estimator import ParleyQEConfig, ParleyQEModel
from qe_model.model.inputs import InputEncoder
from training.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def save_model(model: ParleyQEModel, encoder: InputEncoder, folder: Path) -> None:
    """Write weights (float32) and tokenizer.

    Raises:
        InputError: the disk is full.
    """
    logging.disable_progress_bar()  # of files: not worth a line
    try:
        model.float().save_pretrained(folder)
        encoder.tokenizer.save_pretrained(str(folder))
    except Exception as error:
        raise_if_full(error, folder)
        raise


def load_quality_model(folder: Path) -> tuple[ParleyQEModel, InputEncoder]:
    """Model and encoder of texts, of a folder with or without decisions.

    Raises:
        InputError: no model there, or one that cannot be loaded.
    """
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: not a model folder (no config.json)")
    kind = read_settings(folder / "config.json").get("model_type")
    if kind != ParleyQEConfig.model_type:
        raise InputError(f"{folder}: a model of type '{kind}', not a quality-estimation model")
    logging.disable_progress_bar()
    model: ParleyQEModel = load_pretrained(ParleyQEModel, folder, "model", local_files_only=True)
    own = model.config.encoder_kind == TEACHER
    # not AutoTokenizer, which warns of a model that it does not know
    tokenizer = load_tokenizer(folder) if own else load_pretrained(PreTrainedTokenizerFast, folder, "tokenizer")
    return model.freeze().eval(), input_encoder(model, tokenizer)


def checkpoint_tokenizer(name: str) -> "PreTrainedTokenizerBase":
    """The fast tokenizer of a checkpoint, by name or folder.

    Raises:
        InputError: it cannot be had, or is not a fast one.
    """
    tokenizer: PreTrainedTokenizerBase = load_pretrained(AutoTokenizer, name, "tokenizer")
    if not tokenizer.is_fast:
        raise InputError(f"{name}: needs a fast tokenizer, which knows where its pieces are in a text")
    return tokenizer


def input_encoder(model: ParleyQEModel, tokenizer: "PreTrainedTokenizerBase") -> InputEncoder:
    """The encoder of texts that fits a model."""
    config = model.config
    return InputEncoder(tokenizer, config.max_length, config.context_length, tags=config.encoder_kind == TEACHER)
