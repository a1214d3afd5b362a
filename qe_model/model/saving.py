"""A quality-estimation model on disk: weights, tokenizer, `lexicon/`, `decisions.json`, `qe.json`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from safetensors import SafetensorError
from transformers import AutoTokenizer
from transformers.utils import logging

from parley.pipeline.atomic import raise_if_full, write_json
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import STYLES
from qe_model.model.config import TEACHER
from qe_model.model.estimator import ParleyQEConfig, ParleyQEModel
from qe_model.model.inputs import InputEncoder
from qe_model.model.lexical.lexicon import Lexicon
from qe_model.scoring.decisions import Decisions
from training.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FACTS: Final = "qe.json"
LEXICON: Final = "lexicon"


def save_model(model: ParleyQEModel, encoder: InputEncoder, folder: Path) -> None:
    """Write weights (float32), tokenizer and lexicon.

    Raises:
        InputError: the disk is full.
    """
    logging.disable_progress_bar()  # of files: not worth a line
    try:
        model.float().save_pretrained(folder)
        encoder.tokenizer.save_pretrained(str(folder))
        if encoder.lexicon is not None:
            encoder.lexicon.save(folder / LEXICON)
    except Exception as error:
        raise_if_full(error, folder)
        raise


def save_decisions(decisions: Decisions, style: str, folder: Path) -> None:
    """Write what was tuned, and the way of annotating that scoring follows."""
    decisions.save(folder)
    write_json(folder / FACTS, {"style": style})


def load_weights(folder: Path) -> tuple[ParleyQEModel, InputEncoder]:
    """Model and encoder of texts, of a folder with or without decisions.

    Raises:
        InputError: no model there, or one that cannot be loaded.
    """
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: not a model folder (no config.json)")
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind != ParleyQEConfig.model_type:
        raise InputError(f"{folder}: a model of type '{kind}', not a quality-estimation model")
    logging.disable_progress_bar()
    try:
        model = ParleyQEModel.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{folder}: the model cannot be loaded: {str(error).splitlines()[0]}") from error
    lexicon = Lexicon.load(folder / LEXICON) if model.config.lexicon else None
    return model.freeze().eval(), input_encoder(model, load_any_tokenizer(model, folder), lexicon)


def load_parts(folder: Path) -> tuple[ParleyQEModel, InputEncoder, Decisions, str]:
    """All that a scorer needs; the last is the way of annotating that it follows.

    Raises:
        InputError: a part is missing.
    """
    model, encoder = load_weights(folder)
    decisions = Decisions.load(folder)
    style = json.loads((folder / FACTS).read_text(encoding="utf-8"))["style"] if (folder / FACTS).is_file() else ""
    return model, encoder, decisions, style or STYLES[0]


def load_any_tokenizer(model: ParleyQEModel, folder: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer beside a model: this project's, or a checkpoint's fast one.

    Raises:
        InputError: none there, or one that does not know where its pieces are in a text.
    """
    if model.config.encoder_kind == TEACHER:
        return load_tokenizer(folder)
    return checkpoint_tokenizer(str(folder))


def checkpoint_tokenizer(name: str) -> "PreTrainedTokenizerBase":
    """The fast tokenizer of a checkpoint, by name or folder.

    Raises:
        InputError: it cannot be had, or is not a fast one.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: its tokenizer cannot be loaded: {str(error).splitlines()[0]}") from error
    if not tokenizer.is_fast:
        raise InputError(f"{name}: needs a fast tokenizer, which knows where its pieces are in a text")
    return tokenizer


def input_encoder(
    model: ParleyQEModel, tokenizer: "PreTrainedTokenizerBase", lexicon: Lexicon | None = None
) -> InputEncoder:
    """The encoder of texts that fits a model."""
    config = model.config
    tags = config.encoder_kind == TEACHER
    return InputEncoder(tokenizer, config.max_length, config.context_length, tags, lexicon)
