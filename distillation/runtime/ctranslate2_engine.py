"""The student on CTranslate2, int8. The encoder cannot be run apart, so a message is encoded once per language."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distillation.export.ctranslate2_folder import SHORTLISTS, VOCABULARY
from distillation.runtime.engine import EncodedMessage, Request
from distillation.shortlists import Shortlists
from parley.pipeline.errors import InputError


class CTranslate2Engine:
    """Batches of requests on CTranslate2, language by language, each language with its own shortlist.

    Args:
        folder: the `ctranslate2` folder of an export.
        threads: of one worker.
        device: `cpu` or `cuda`.
    """

    def __init__(self, folder: Path, threads: int = 1, device: str = "cpu") -> None:
        """Read the vocabulary; models are loaded when they are first needed.

        Raises:
            InputError: no export there.
        """
        if not (folder / "model.bin").is_file() or not (folder / VOCABULARY).is_file():
            raise InputError(f"{folder}: not a CTranslate2 export of a student")
        self.folder, self.threads, self.device = folder, threads, device
        self.names: list[str] = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        self.ids = {name: place for place, name in enumerate(self.names)}
        self._translators: dict[str, Any] = {}

    def _translator(self, target: str, shortlists: Shortlists | None) -> Any:
        import ctranslate2

        key = target if shortlists is not None else ""
        if key not in self._translators:
            folder = self.folder / SHORTLISTS / target if key else self.folder
            if not folder.is_dir():
                raise InputError(f"{self.folder}: no shortlist for '{target}'")
            self._translators[key] = ctranslate2.Translator(
                str(folder), device=self.device, compute_type="int8", intra_threads=self.threads, inter_threads=1
            )
        return self._translators[key]

    def encode(self, sources: Sequence[Sequence[int]]) -> list[EncodedMessage]:
        """Nothing is run: see the module's text."""
        return [EncodedMessage(tuple(source)) for source in sources]

    def decode(self, requests: Sequence[Request], shortlists: Shortlists | None) -> list[list[int]]:
        """See `Engine`."""
        results: list[list[int]] = [[] for _ in requests]
        for target in dict.fromkeys(request.target for request in requests):
            places = [place for place, request in enumerate(requests) if request.target == target]
            found = self._decode(
                [requests[place] for place in places], self._translator(target, shortlists), shortlists
            )
            for place, tokens in zip(places, found, strict=True):
                results[place] = tokens
        return results

    def _decode(self, requests: Sequence[Request], translator: Any, shortlists: Shortlists | None) -> list[list[int]]:
        # The bound is one for all, so a row is decoded as far as the longest may go and cut at its own limit.
        found = translator.translate_batch(
            [[self.names[token] for token in request.message.tokens] for request in requests],
            target_prefix=[[self.names[request.tag]] for request in requests],
            beam_size=1,
            max_decoding_length=int(np.max([request.limit for request in requests])) + 1,
            use_vmap=shortlists is not None,
        )
        return [self._tokens(each.hypotheses[0], request) for each, request in zip(found, requests, strict=True)]

    def _tokens(self, names: Sequence[str], request: Request) -> list[int]:
        tokens = [self.ids[name] for name in names]
        if tokens[:1] == [request.tag]:
            tokens = tokens[1:]
        return tokens[: request.limit]
