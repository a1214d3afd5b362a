"""Any sequence-to-sequence folder of `transformers`, by its own `generate`: Marian, mBART, T5, M2M100, NLLB and others.

How the languages are told: by tags where the vocabulary has them (M2M100, NLLB, mBART), by `>>code<<` in front of the
text (multilingual Marian), by a prompt in words (T5), or not at all: a bilingual model translates as it was trained.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from eval.systems.config import SystemConfig
from eval.systems.length_limit import token_limit
from parley.decoding.parts import translate_in_parts
from parley.decoding.pieces import tag_id
from parley.decoding.translator import DecodingConfig
from parley.languages.table import AUTO, LANGUAGES, language
from parley.pipeline.errors import InputError
from parley.pretrained import load_pretrained
from training.model.loading import load_model

BATCH: Final = 64


class TransformersSystem:
    """Translates with `generate`."""

    def __init__(self, name: str, model: Any, tokenizer: Any, beam_size: int, prompt: str = "") -> None:
        """Keep model and tokenizer; `prompt` has the fields source, target and text."""
        self.name, self.model, self.tokenizer, self.prompt = name, model, tokenizer, prompt
        self.decoding = DecodingConfig(beam_size=beam_size)

    @classmethod
    def load(cls, path: Path, system: SystemConfig, beam_size: int, device: str) -> "TransformersSystem":
        """Model and tokenizer from one folder, or the tokenizer from its own.

        Raises:
            InputError: no model or no tokenizer there.
        """
        from transformers import AutoTokenizer

        model = load_model(path)
        tokenizer = load_pretrained(AutoTokenizer, system.tokenizer or path, "tokenizer", local_files_only=True)
        model.to(torch.device(device))  # type: ignore[arg-type]  # its decorator hides `self`
        return cls(system.name, model.eval(), tokenizer, beam_size, system.prompt)

    def translate_many(self, texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
        """Translate each text from its source language into its target language.

        Raises:
            InputError: several target languages are wanted of a model that cannot be told them, or the source is
                `auto`: such models are told the source language or have only one.
        """
        if AUTO in sources:
            raise InputError(f"system {self.name}: it cannot find out the source language; auto_source_messages=0")
        if len(set(targets)) > 1 and not all(self._told(target) for target in set(targets)):
            raise InputError(f"system {self.name}: it cannot be told the target language; evaluate one direction of it")
        return translate_in_parts(
            self._translate_parts, (texts, sources, targets), self.tokenizer, self.decoding.max_source_tokens
        )

    def _translate_parts(self, texts: list[str], sources: list[str], targets: list[str]) -> list[str]:
        results = [""] * len(texts)
        for batch in self._batches(texts, sources, targets):
            found = self._generate([texts[line] for line in batch], sources[batch[0]], targets[batch[0]])
            for line, text in zip(batch, found, strict=True):
                results[line] = text
        return results

    def _told(self, target: str) -> bool:
        """Whether there is a way to tell this model the target language."""
        return bool(self.prompt) or self._tag(target) is not None or self._marian_tag(target) is not None

    @staticmethod
    def _batches(texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> Iterator[list[int]]:
        """Lines of one direction and like length."""
        order = sorted(range(len(texts)), key=lambda line: (sources[line], targets[line], len(texts[line])))
        batch: list[int] = []
        for line in order:
            same = batch and (sources[line], targets[line]) == (sources[batch[0]], targets[batch[0]])
            if batch and (not same or len(batch) == BATCH):
                yield batch
                batch = []
            batch.append(line)
        if batch:
            yield batch

    @torch.inference_mode()
    def _generate(self, texts: list[str], source: str, target: str) -> list[str]:
        encoded = self._encode(texts, source, target)
        tag = None if self.prompt else self._tag(target)
        around = 1 if tag is None else 2  # end, and tag where there is one
        lengths = encoded["attention_mask"].sum(1).tolist()
        limits = [token_limit(self.decoding, length - around) for length in lengths]
        ids = self.model.generate(
            **encoded,
            num_beams=self.decoding.beam_size,
            do_sample=False,
            max_new_tokens=max(limits) + 1,  # a tag counts here
            **({} if tag is None else {"forced_bos_token_id": tag}),
        )
        cut = [row[: around + limit] for row, limit in zip(ids.tolist(), limits, strict=True)]  # behind start and tag
        return [str(text).strip() for text in self.tokenizer.batch_decode(cut, skip_special_tokens=True)]

    def _encode(self, texts: list[str], source: str, target: str) -> dict[str, Any]:
        if self.prompt:
            names = {"source": LANGUAGES[source].name, "target": LANGUAGES[target].name}
            texts = [self.prompt.format(text=text, **names) for text in texts]
        elif marian := self._marian_tag(target):
            texts = [f"{marian} {text}" for text in texts]
        tag = None if self.prompt else self._tag(source)
        if tag is None:
            encoded = self.tokenizer(texts, return_tensors="pt", padding=True)
        else:
            pieces = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
            rows = [{"input_ids": [tag, *row, self.tokenizer.eos_token_id]} for row in pieces]
            encoded = self.tokenizer.pad(rows, return_tensors="pt")
        return {name: encoded[name].to(self.model.device) for name in ("input_ids", "attention_mask")}

    def _tag(self, code: str) -> int | None:
        try:
            return tag_id(self.tokenizer, language(code).code)
        except InputError:
            pattern = re.compile(rf"{language(code).primary}_[A-Z]{{2}}")  # mBART: en_XX, th_TH
            found = [token for token in self.tokenizer.get_vocab() if pattern.fullmatch(token)]
            return int(self.tokenizer.convert_tokens_to_ids(found[0])) if found else None

    def _marian_tag(self, code: str) -> str | None:
        known, vocabulary = LANGUAGES[code], self.tokenizer.get_vocab()
        names = (code, known.primary, known.flores, known.flores.split("_")[0])
        return next((f">>{name}<<" for name in names if f">>{name}<<" in vocabulary), None)
