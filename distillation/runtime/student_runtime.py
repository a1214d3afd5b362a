"""One way to use a student, whatever runs it: encode messages once, decode them into any languages, now or later."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from distillation.engines.registry import ENGINES, SpecialIds, engine_named
from distillation.export.manifest import exported_engines
from distillation.runtime.engine import EncodedMessage, Engine, Request
from distillation.shortlists import FILE, Shortlists
from parley.decoding.copies import with_copies
from parley.decoding.detection import Detector
from parley.decoding.parts import Parts, joined_parts
from parley.decoding.pieces import MAX_NEW_TOKENS, longest_output, source_pieces, tag_id
from parley.decoding.protocols import Detection
from parley.decoding.safeguards import guarded
from parley.glossary.hints import Hint, Hinter, filled
from parley.glossary.reading import read_glossary
from parley.languages.table import AUTO, language
from parley.pipeline.errors import InputError
from training.tokenizer import load_tokenizer


class StudentRuntime:
    """Translates with an exported student.

    Args:
        engine: what computes.
        tokenizer: the vocabulary.
        shortlists: None lets every language write every piece.
        detector: names source languages; None cannot.
        guarded: loops and what breaks a rule do not go out (`parley.decoding.safeguards`).
        max_new_tokens: most tokens of a translation.
        batch_size: requests decoded together; does not change the result.
        hints: what finds hints in a message, such as those of a glossary.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: PreTrainedTokenizerBase,
        shortlists: Shortlists | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
        batch_size: int = 64,
        detector: Detector | None = None,
        guarded: bool = True,
        hints: Hinter | None = None,
    ) -> None:
        self.guarded = guarded
        self.engine, self.tokenizer, self.shortlists, self.detector = engine, tokenizer, shortlists, detector
        self.max_new_tokens, self.batch_size, self.hints = max_new_tokens, batch_size, hints

    @classmethod
    def load(
        cls, folder: str | Path, engine: str = "auto", threads: int = 1, glossary: str | Path = "", **settings: Any
    ) -> "StudentRuntime":
        """From the folder of an export.

        Args:
            engine: a name of `distillation.engines`; `auto`: the one that is shipped, `torch` in a student's folder.
            threads: of one worker; several workers of one thread each give most messages a second.
            glossary: file whose terms are hinted at; empty for none.

        Raises:
            InputError: unknown engine, one that is not installed or not in the folder, no tokenizer, a wrong glossary.
        """
        path = Path(folder)
        tokenizer = load_tokenizer(path)
        shortlists = Shortlists.load(path) if (path / FILE).is_file() else None
        settings = {"detector": Detector.beside(path), **settings}
        settings |= {"hints": read_glossary(glossary).hints} if glossary else {}
        return cls(_loaded(path, engine, tokenizer, threads), tokenizer, shortlists, **settings)

    def encode(
        self, texts: Sequence[str], sources: Sequence[str] | str = AUTO, targets: Sequence[str] = ()
    ) -> list[EncodedMessage]:
        """Run the encoder on each message once, long ones in parts; what it gives may be kept.

        Args:
            sources: the languages' codes, or one for all; `auto` where it is not known.
            targets: of each message the one language that it is meant for, for hints; empty: without hints, for any.

        Raises:
            InputError: a language that the model does not know.
        """
        codes = [sources] * len(texts) if isinstance(sources, str) else list(sources)
        parts = Parts.of(texts, self.tokenizer)
        hints: list[tuple[Hint, ...]] = [()] * len(parts.texts)
        if self.hints and targets:
            hints = list(map(self.hints, parts.texts, parts.each(codes), parts.each(targets)))
        pieces = source_pieces(self.tokenizer, parts.texts, parts.each(codes), hints=hints)
        found: dict[int, EncodedMessage] = {}
        for batch in self._batches(sorted(range(len(pieces)), key=lambda place: -len(pieces[place]))):
            found |= zip(batch, self.engine.encode([pieces[place] for place in batch]), strict=True)
        of: list[list[EncodedMessage]] = [[] for _ in texts]
        for place, owner in enumerate(parts.owners):
            of[owner].append(replace(found[place], hints=hints[place]))
        wholes = [replace(part[0], rest=tuple(part[1:])) if part else EncodedMessage(()) for part in of]
        return [replace(w, text=text, source=code) for w, text, code in zip(wholes, texts, codes, strict=True)]

    def decode(self, messages: Sequence[EncodedMessage], targets: Sequence[str]) -> dict[str, list[str]]:
        """Every message in each of the languages.

        Raises:
            InputError: a language that the model does not know.
        """
        wanted = [(message, target) for message in messages for target in targets]
        flat = self.decode_each([message for message, _ in wanted], [target for _, target in wanted])
        return {target: flat[place :: len(targets)] for place, target in enumerate(targets)}

    def decode_each(
        self, messages: Sequence[EncodedMessage], targets: Sequence[str], on_batch: Callable[[int], Any] | None = None
    ) -> list[str]:
        """Message by message into the language beside it."""
        tags = {target: tag_id(self.tokenizer, language(target).code) for target in set(targets)}
        parts = [(part, owner) for owner, message in enumerate(messages) for part in _parts(message)]
        requests = [
            Request(part, targets[owner], tags[targets[owner]], longest_output(part.tokens, self.max_new_tokens))
            for part, owner in parts
        ]
        results = [""] * len(requests)
        for batch in self._batches(sorted(range(len(requests)), key=lambda place: _order(requests[place]))):
            found = self.engine.decode([requests[place] for place in batch], self.shortlists)
            for place, tokens in zip(batch, found, strict=True):
                said = with_copies(self._text(requests[place].message.tokens), self._text(tokens))
                results[place] = filled(said, requests[place].message.hints, requests[place].target)
            if on_batch is not None:
                on_batch(len(batch))
        wholes = joined_parts(results, [owner for _, owner in parts], targets)
        if not self.guarded:
            return wholes
        return [
            guarded(out, m.text, target, m.source) for out, m, target in zip(wholes, messages, targets, strict=True)
        ]

    def translate_many(
        self,
        texts: Sequence[str],
        sources: Sequence[str],
        targets: Sequence[str],
        on_batch: Callable[[int], Any] | None = None,
    ) -> list[str]:
        """Each text from its language (or `auto`) into its target; equal messages are encoded once, hinted ones once a
        target.
        """
        messages = list(zip(texts, sources, targets if self.hints else [""] * len(texts), strict=True))
        distinct = list(dict.fromkeys(messages))
        told, codes, meant = ([message[column] for message in distinct] for column in range(3))
        encoded = dict(zip(distinct, self.encode(told, codes, meant), strict=True))
        return self.decode_each([encoded[message] for message in messages], targets, on_batch)

    def translate(self, texts: Sequence[str], target: str, source: str = AUTO) -> list[str]:
        """Every text into one language."""
        return self.translate_many(texts, [source] * len(texts), [target] * len(texts))

    def detect(self, texts: Sequence[str]) -> list[Detection]:
        """The source language of each text, with its probability.

        Raises:
            InputError: the export has no detector: its student had no teacher that detects languages.
        """
        if self.detector is None:
            raise InputError("this export has no detector of source languages (detector.npz)")
        return self.detector(self.tokenizer, texts)

    def _text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True)).strip()

    def _batches(self, places: Sequence[int]) -> Iterable[Sequence[int]]:
        return (places[start : start + self.batch_size] for start in range(0, len(places), self.batch_size))


def _parts(message: EncodedMessage) -> tuple[EncodedMessage, ...]:
    """A message and the rest of it; none of one without a visible character."""
    return (message, *message.rest) if message.tokens else ()


def _order(request: Request) -> tuple[str, int]:
    """Requests into one language together, since they share its shortlist; of these the long ones first."""
    return request.target, -len(request.message.tokens)


def _loaded(folder: Path, name: str, tokenizer: PreTrainedTokenizerBase, threads: int) -> Engine:
    """The engine of that name; `auto` is the one that the export was made for first, else the float student's."""
    if name == "auto":
        name = next(iter(exported_engines(folder)), "torch")
    engine = engine_named(name)
    form = engine.form(folder)
    if form is None:
        held = [other for other in ENGINES.names() if engine_named(other).form(folder)]
        raise InputError(f"{folder}: holds no form for engine {name}; it holds: {', '.join(held) or 'none'}")
    engine.check()
    return engine.load(form, SpecialIds(int(tokenizer.eos_token_id), int(tokenizer.pad_token_id)), threads)
