"""A CTranslate2 directory with language tags (converted M2M100, NLLB, students), by the `ctranslate2` package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from eval.systems.config import SystemConfig
from eval.systems.length_limit import token_limit
from eval.systems.named_model import named_model
from parley.decoding.parts import translate_in_parts
from parley.decoding.pieces import tag_id
from parley.decoding.translator import DecodingConfig
from parley.languages.table import language
from parley.pipeline.errors import InputError
from parley.pretrained import load_pretrained

MAX_BATCH_TOKENS: Final = 4096


class CTranslate2System:
    """Translates with CTranslate2; source tag and end are put around the tokens unless the model adds them itself."""

    def __init__(self, translator: Any, tokenizer: Any, beam_size: int) -> None:
        """Keep a `ctranslate2.Translator` and the tokenizer of the model that was converted."""
        self.translator = translator
        self.tokenizer = tokenizer
        self.decoding = DecodingConfig(beam_size=beam_size)

    @classmethod
    def load(
        cls, path: Path, system: SystemConfig, beam_size: int, device: str, threads: int = 0
    ) -> "CTranslate2System":
        """Open the directory; `threads` 0 leaves their number to the engine.

        Raises:
            InputError: the package is not installed, no model or no tokenizer there, or a compute type that this
                processor does not have.
        """
        try:
            import ctranslate2
        except ImportError as error:
            raise InputError(f"{path}: CTranslate2 models need the extra [ctranslate2]") from error
        from transformers import AutoTokenizer

        folder = named_model(Path(system.tokenizer)).path if system.tokenizer else path
        try:
            translator = ctranslate2.Translator(
                str(path), device=device, compute_type=system.compute_type, intra_threads=threads
            )
        except (OSError, ValueError, RuntimeError) as error:
            line = " ".join(str(error).split())
            raise InputError(f"{path}: the CTranslate2 model cannot be opened: {line[:200]}") from error
        tokenizer = load_pretrained(AutoTokenizer, folder, "tokenizer", local_files_only=True)
        return cls(translator, tokenizer, beam_size)

    def translate_many(self, texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
        """Translate each text from its source language (or `auto`) into its target language."""
        return translate_in_parts(
            self._translate_parts, (texts, sources, targets), self.tokenizer, self.decoding.max_source_tokens
        )

    def _translate_parts(self, texts: list[str], sources: list[str], targets: list[str]) -> list[str]:
        encoded = [self._source_tokens(text, source) for text, source in zip(texts, sources, strict=True)]
        prefixes = [[self._tag(language(target).code)] for target in targets]
        limits = [token_limit(self.decoding, len(tokens) - 2) for tokens in encoded]
        found = self.translator.translate_batch(
            encoded,
            target_prefix=prefixes,
            beam_size=self.decoding.beam_size,
            max_decoding_length=max(limits) + 1,  # the tag counts here
            max_batch_size=MAX_BATCH_TOKENS,
            batch_type="tokens",
        )
        results = []
        for prefix, limit, result in zip(prefixes, limits, found, strict=True):
            tokens = result.hypotheses[0]
            tokens = tokens[1:] if tokens[:1] == prefix else tokens
            ids = self.tokenizer.convert_tokens_to_ids(tokens[:limit])
            results.append(str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip())
        return results

    def _source_tokens(self, text: str, source: str) -> list[str]:
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return [self._tag(source), *self.tokenizer.convert_ids_to_tokens(ids), self.tokenizer.eos_token]

    def _tag(self, code: str) -> str:
        return str(self.tokenizer.convert_ids_to_tokens(tag_id(self.tokenizer, code)))
