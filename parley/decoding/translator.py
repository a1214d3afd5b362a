"""Translate messages with any encoder-decoder of the pipeline: the teacher, a student, a plain M2M100 or NLLB folder.

Messages are sorted by length into batches; each distinct message of a batch is encoded once, whatever the number of
languages it is wanted in; decoding drops finished messages and joins batches that have become small
(`parley.decoding.search`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from parley.decoding.copies import with_copies
from parley.decoding.detection import Detector
from parley.decoding.packed_output import packed_output
from parley.decoding.parts import MAX_SOURCE_TOKENS, translate_in_parts
from parley.decoding.pieces import (
    LENGTH_FACTOR,
    MAX_NEW_TOKENS,
    longest_output,
    source_pieces,
    tag_id,
)
from parley.decoding.protocols import Detection
from parley.decoding.safeguards import guarded
from parley.decoding.search import DecodingBatch, Sampling, search_beam, search_one
from parley.decoding.stepper import stepper_for
from parley.glossary.hints import Hinter, filled
from parley.languages.table import AUTO, language
from parley.pipeline.errors import InputError
from parley.pretrained import load_pretrained

TOGETHER = 8  # batches decoded side by side, so that those which have become small can be joined

T = TypeVar("T")


@dataclass(frozen=True)
class DecodingConfig:
    """How to decode.

    Args:
        beam_size: 1 is greedy.
        length_penalty: power of the length that a beam's score is divided by.
        sampling: draw instead of searching (beam_size 1).
        max_new_tokens: most tokens of a translation.
        length_factor: a translation also ends at `length_factor` x source tokens + 16; bounds loops. 0 for no such end.
        max_source_tokens: longer messages are translated in parts.
        batch_size: messages decoded together; does not change the result.
        guarded: what people read: loops and what breaks a rule do not go out (`parley.decoding.safeguards`).
    """

    beam_size: int = 1
    length_penalty: float = 1.0
    sampling: Sampling | None = None
    max_new_tokens: int = MAX_NEW_TOKENS
    length_factor: float = LENGTH_FACTOR
    max_source_tokens: int = MAX_SOURCE_TOKENS
    batch_size: int = 128
    guarded: bool = False

    def __post_init__(self) -> None:
        if self.beam_size < 1 or (self.sampling and self.beam_size > 1):
            raise InputError(f"beam_size={self.beam_size}: at least 1, and 1 with sampling")


def _split(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def load_model(folder: str | Path) -> PreTrainedModel:
    """Load a saved encoder-decoder of any class that `transformers` knows.

    The teacher's class makes itself known in `training.model.loading`: rooms above load through that module.

    Raises:
        InputError: no such folder, or no model in it.
    """
    path = Path(folder)
    if not (path / "config.json").is_file():
        raise InputError(f"{path}: not a model folder (no config.json)")
    model: PreTrainedModel = load_pretrained(AutoModelForSeq2SeqLM, path, "model", local_files_only=True)
    return model


class Translator:
    """Translates batches of messages between any languages of a model.

    Attributes:
        hints: what finds hints in a message, such as those of a glossary; None for none.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        config: DecodingConfig | None = None,
        device: str | torch.device | None = None,
        detector: Detector | None = None,
    ) -> None:
        self.model = model
        self.detector = detector
        self.hints: Hinter | None = None
        self.tokenizer = tokenizer
        self.config = config or DecodingConfig()
        self.device = torch.device(device) if device is not None else model.device

    @classmethod
    def load(
        cls,
        folder: str | Path,
        config: DecodingConfig | None = None,
        device: str | torch.device = "cpu",
    ) -> "Translator":
        """Model and tokenizer from one folder.

        Raises:
            InputError: the folder holds no model or no tokenizer, or their vocabularies differ.
        """
        model = load_model(folder)
        tokenizer = load_pretrained(AutoTokenizer, folder, "tokenizer", local_files_only=True)
        if len(tokenizer) > model.config.vocab_size:
            raise InputError(
                f"{folder}: the tokenizer has {len(tokenizer)} pieces, the model {model.config.vocab_size}: not a pair"
            )
        model.to(torch.device(device))  # type: ignore[arg-type]  # its decorator hides `self`
        return cls(model.eval(), tokenizer, config, device, Detector.beside(Path(folder)))

    def translate(self, texts: Sequence[str], target: str, source: str = AUTO) -> list[str]:
        """Translate every text into one language."""
        return self.translate_many(texts, [source] * len(texts), [target] * len(texts))

    def translate_into(self, texts: Sequence[str], targets: Sequence[str], source: str = AUTO) -> dict[str, list[str]]:
        """Translate every text into several languages, each text encoded once."""
        wanted = [(text, target) for text in texts for target in targets]
        flat = self.translate_many([t for t, _ in wanted], [source] * len(wanted), [target for _, target in wanted])
        return {target: flat[place :: len(targets)] for place, target in enumerate(targets)}

    @torch.inference_mode()
    def translate_many(
        self,
        texts: Sequence[str],
        sources: Sequence[str],
        targets: Sequence[str],
        on_batch: Callable[[int], Any] | None = None,
    ) -> list[str]:
        """Translate each text from its source language (or `auto`) into its target language.

        Args:
            on_batch: told the number of messages, or parts of long ones, done after every `TOGETHER` batches.

        Raises:
            InputError: a language that the model does not know.
        """
        found = translate_in_parts(
            partial(self._translate_parts, on_batch=on_batch),
            (texts, sources, targets),
            self.tokenizer,
            self.config.max_source_tokens,
        )
        if not self.config.guarded:
            return found
        return list(map(guarded, found, texts, targets, sources))

    def _translate_parts(
        self, texts: list[str], sources: list[str], targets: list[str], on_batch: Callable[[int], Any] | None
    ) -> list[str]:
        results = [""] * len(texts)
        hints = list(map(self.hints, texts, sources, targets)) if self.hints else []
        pieces = source_pieces(self.tokenizer, texts, sources, self.config.max_source_tokens, hints)
        todo = sorted(range(len(texts)), key=lambda i: (-len(pieces[i]), pieces[i]))
        with packed_output(self.model):
            for portion in _split(todo, TOGETHER * self.config.batch_size):
                decoded = self.decode_pieces([pieces[i] for i in portion], [targets[i] for i in portion])
                for place, tokens in zip(portion, decoded, strict=True):
                    said = str(self.tokenizer.decode(tokens, skip_special_tokens=True)).strip()
                    results[place] = with_copies(texts[place], said)
                    if hints:
                        results[place] = filled(results[place], hints[place], targets[place])
                if on_batch is not None:
                    on_batch(len(portion))
        return results

    @torch.inference_mode()
    def decode_pieces(self, sources: Sequence[Sequence[int]], targets: Sequence[str]) -> list[list[int]]:
        """Decode tokenised sources, tag first and end last, into target tokens without prompt and end.

        Batches are cut in the order given, and all of them are decoded together.
        """
        size, end, config = self.config.batch_size, self.tokenizer.eos_token_id, self.config
        batches = [self._batch(*part) for part in zip(_split(sources, size), _split(targets, size), strict=True)]
        if config.beam_size == 1:
            return search_one(batches, end, config.sampling)
        found = search_beam(batches, end, config.beam_size, config.length_penalty)
        return [hypotheses[0][1] for hypotheses in found]

    def _batch(self, sources: Sequence[Sequence[int]], targets: Sequence[str]) -> DecodingBatch:
        distinct = list(dict.fromkeys(map(tuple, sources)))
        place = {pieces: i for i, pieces in enumerate(distinct)}
        ids_BS, mask_BS = self._padded(distinct)
        encoded_BSD = self.model.get_encoder()(input_ids=ids_BS, attention_mask=mask_BS).last_hidden_state
        rows = torch.tensor([place[tuple(pieces)] for pieces in sources], device=self.device)
        tags = {target: tag_id(self.tokenizer, language(target).code) for target in set(targets)}
        tags_B = torch.tensor([tags[target] for target in targets], device=self.device)
        stepper = stepper_for(self.model, encoded_BSD[rows], mask_BS[rows], tags_B)
        limits = [longest_output(pieces, self.config.max_new_tokens, self.config.length_factor) for pieces in sources]
        return DecodingBatch(stepper, self._prompt(tags_B), limits)

    def _padded(self, sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        longest = max(map(len, sequences))
        pad = self.model.config.pad_token_id
        ids = torch.tensor([[*s, *[pad] * (longest - len(s))] for s in sequences], device=self.device)
        mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences], device=self.device)
        return ids, mask

    def _prompt(self, tags_B: Tensor) -> Tensor:
        start = self.model.config.decoder_start_token_id  # M2M100 and NLLB begin with it; the teacher with the tag
        tags_B1 = tags_B.unsqueeze(1)
        return tags_B1 if start is None else torch.cat([torch.full_like(tags_B1, start), tags_B1], dim=1)

    def detect(self, texts: Sequence[str]) -> list[Detection]:
        """The source language that the model itself detects in each text.

        Raises:
            InputError: the model has no detector.
        """
        detector = self.detector or Detector.of(self.model)
        if detector is None:
            raise InputError(f"{type(self.model).__name__} does not detect languages")
        return detector(self.tokenizer, texts)
