"""Words given as pieces of a vocabulary, for word tables that know words as text."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from parley.languages.words import Interval
from qe_model.model.inputs import TextPieces
from qe_model.model.word_tables.tables import WordTables

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class PieceWords:
    """Puts the evidence of word tables on texts that are pieces."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", tables: WordTables) -> None:
        self.tables = tables
        self.strings = [""] * len(tokenizer)
        special = set(tokenizer.all_special_tokens)
        for piece, place in tokenizer.get_vocab().items():
            self.strings[place] = "" if piece in special else piece

    def evidence(
        self, languages: tuple[str, str], source: TextPieces, target: TextPieces
    ) -> tuple[TextPieces, TextPieces]:
        """Source and target with the evidence on their words."""
        texts, words = zip(*(self._text(side) for side in (source, target)), strict=True)
        of_source, of_target = self.tables.evidence(languages, texts, words)
        return replace(source, evidence=of_source), replace(target, evidence=of_target)

    def _text(self, pieces: TextPieces) -> tuple[str, Sequence[Interval]]:
        """The text, and where its words stand in it, spaces in front of them left out."""
        text, words = "", []
        for first, last in zip(pieces.first, pieces.last, strict=True):
            word = "".join(self.strings[place] for place in pieces.ids[first : last + 1])
            words.append((len(text) + len(word) - len(word.lstrip()), len(text) + len(word)))
            text += word
        return text, words
