"""Texts to pieces, and pieces to the one sequence that the encoder reads: translation, source, conversation.

    [target tag] translation </s>  [source tag] source </s>  [auto tag] earlier messages </s>  [target tag] theirs </s>

Encoders of `transformers` get `<s> translation </s> source </s> earlier messages </s> theirs </s>`. What does not fit
is read in windows: some words of the translation with the part of the source that stands at the same place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from parley.languages.words import Interval
from qe_model.annotations.annotation import STYLES, AnnotatedTranslation, ContextMessage, Side
from qe_model.arrays import Ints
from training.tokenizer import AUTO_TOKEN, language_tags

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


TARGET, SOURCE, CONTEXT, CONTEXT_TARGET = 1, 2, 3, 4  # segments; 0 is padding
SEGMENTS: Final = 5
NO_PIECE: Final = -1  # of a word that the tokenizer drops: read at the token in front of its text


@dataclass(frozen=True, slots=True)
class TextPieces:
    """A text cut into pieces, and where its words are among them.

    Attributes:
        ids: [P] vocabulary ids.
        first, last: [N] first and last piece of each word, inclusive; several words may share a piece.
    """

    ids: Ints
    first: Ints
    last: Ints

    @property
    def words(self) -> int:
        """How many words it has."""
        return len(self.first)

    def part(self, start: int, stop: int, limit: int) -> "TextPieces":
        """Words `start` to `stop`, exclusive, with the pieces up to the next word; pieces beyond `limit` are cut."""
        begin = 0 if start == 0 else max(0, int(self.first[start])) if start < self.words else len(self.ids)
        end = len(self.ids) if stop >= self.words else max(begin, int(self.first[stop]))
        end = min(max(end, int(self.last[stop - 1]) + 1 if stop > start else begin), begin + limit)
        size = end - begin
        first, last = (np.minimum(side[start:stop] - begin, size - 1) for side in (self.first, self.last))
        return TextPieces(self.ids[begin:end], np.maximum(first, NO_PIECE), np.maximum(last, NO_PIECE))


@dataclass(frozen=True, slots=True)
class JointInput:
    """What the encoder reads at once.

    Attributes:
        source_tag, target_tag: ids of the languages' tags; the `auto` tag's for languages without one.
        target_known: whether the predictor's teacher knows the target language.
        context, context_target: [*] ids of earlier messages and of their translations, separators included.
        style: position in `STYLES`.
    """

    source_tag: int
    target_tag: int
    target_known: bool
    target: TextPieces
    source: TextPieces
    context: Ints
    context_target: Ints
    style: int

    @property
    def length(self) -> int:
        """Positions in the joint sequence, at most."""
        inner = len(self.target.ids) + len(self.source.ids) + 4
        return inner + sum(len(ids) + 1 for ids in (self.context, self.context_target) if len(ids))


class InputEncoder:
    """Cuts texts into pieces and cuts long ones into windows.

    Args:
        tokenizer: of the encoder; a fast one, which knows where its pieces are in the text.
        max_length: most pieces of translation plus source in a window.
        context_length: most pieces of the conversation.
        tags: whether the vocabulary has this project's language tags.
    """

    def __init__(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        max_length: int,
        context_length: int,
        tags: bool = True,
    ) -> None:
        self.tokenizer, self.max_length, self.context_length, self.tags = tokenizer, max_length, context_length, tags
        vocabulary: Mapping[str, int] = tokenizer.get_vocab() if tags else {}
        self.tag_ids = language_tags(vocabulary)
        start = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
        end = tokenizer.eos_token_id if tags or tokenizer.sep_token_id is None else tokenizer.sep_token_id
        self.start_id = vocabulary[AUTO_TOKEN] if tags else int(start or 0)
        self.end_id = int(end or 0)

    def pieces(self, texts: Sequence[str], words: Sequence[Sequence[Interval]]) -> list[TextPieces]:
        """Pieces of each text, and the pieces of each of its words."""
        encodings = self.encodings(texts)
        return [_pieces(encoding, text_words) for encoding, text_words in zip(encodings, words, strict=True)]

    def sides(
        self, translations: Sequence[AnnotatedTranslation], words: Mapping[Side, Sequence[Sequence[Interval]]]
    ) -> list[tuple[TextPieces, TextPieces]]:
        """Source and target of each translation."""
        sources = self.pieces([one.source for one in translations], words["source"])
        targets = self.pieces([one.target for one in translations], words["target"])
        return list(zip(sources, targets, strict=True))

    def context(self, messages: Sequence[Sequence[ContextMessage]]) -> list[tuple[Ints, Ints]]:
        """Ids of the newest earlier messages, and of their translations, for each translation; both end to end."""
        if not self.context_length:
            return [(_NONE, _NONE)] * len(messages)
        flat = [text for of_one in messages for message in of_one for text in (message.text, message.translation or "")]
        ids = iter([encoding.ids for encoding in self.encodings(flat)] if flat else [])
        return [self._newest([(next(ids), next(ids)) for _ in of_one]) for of_one in messages]

    def windows(
        self,
        languages: tuple[str, str],
        source: TextPieces,
        target: TextPieces,
        context: tuple[Ints, Ints],
        style: str,
    ) -> Iterator[tuple[JointInput, slice, slice]]:
        """Windows with the words of translation and source that they hold; one window for all but long messages."""
        count = max(1, -(-(len(source.ids) + len(target.ids)) // self.max_length))
        cuts = [_cuts(pieces, count) for pieces in (target, source)]
        source_tag, target_tag = (self.tag_ids.get(code, self.start_id) for code in languages)
        for number in range(count):
            words = [slice(int(cut[number]), int(cut[number + 1])) for cut in cuts]
            target_part = target.part(words[0].start, words[0].stop, self.max_length)
            source_part = source.part(words[1].start, words[1].stop, self.max_length)
            known = languages[1] in self.tag_ids
            texts = target_part, source_part
            yield JointInput(source_tag, target_tag, known, *texts, *context, STYLES.index(style)), words[0], words[1]

    def encodings(self, texts: Sequence[str]) -> list[Any]:
        """The tokenizer's own encodings, with `ids` and `offsets` in characters; nothing special is added."""
        backend = self.tokenizer.backend_tokenizer
        return backend.encode_batch(list(texts), add_special_tokens=False)

    def _newest(self, turns: list[tuple[list[int], list[int]]]) -> tuple[Ints, Ints]:
        """The last pieces of the conversation; originals and translations share the room."""
        translated = any(translation for _, translation in turns)
        room = self.context_length // 2 if translated else self.context_length
        sides = ([[*ids, self.end_id] for turn in turns if (ids := turn[side])] for side in (0, 1))
        flat = (np.array([piece for ids in side for piece in ids][-room:], np.int64) for side in sides)
        return next(flat), next(flat)


_NONE: Final = np.zeros(0, np.int64)


def _pieces(encoding: Any, words: Sequence[Interval]) -> TextPieces:
    ids = np.array(encoding.ids, np.int64)
    if not len(ids) or not len(words):
        return TextPieces(ids, np.full(len(words), NO_PIECE), np.full(len(words), NO_PIECE))
    starts, ends = np.array(encoding.offsets, np.int64).T
    begin, end = np.array(words, np.int64).T
    first = np.minimum(np.searchsorted(ends, begin, "right"), len(ids) - 1)
    last = np.maximum(np.searchsorted(starts, end, "left") - 1, first)
    return TextPieces(ids, first, np.minimum(last, len(ids) - 1))


def _cuts(pieces: TextPieces, count: int) -> Ints:
    """Word numbers [count + 1] that cut a text into parts of about equally many pieces."""
    if count == 1:
        return np.array([0, pieces.words])
    edges = np.searchsorted(pieces.first, np.arange(1, count) * len(pieces.ids) / count)
    return np.concatenate([[0], edges, [pieces.words]])
