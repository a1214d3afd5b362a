"""Word tables of several directions, and the evidence that they give for a translation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from parley.languages.words import Interval
from parley.pipeline.errors import InputError
from qe_model.model.word_tables.evidence import FEATURES, carried, word_evidence
from qe_model.model.word_tables.word_table import Floats, WordTable


class WordTables:
    """Tables by direction, such as `en-de`; a pair of languages needs both of its directions."""

    def __init__(self, tables: Mapping[str, WordTable]) -> None:
        self.tables = dict(tables)

    def evidence(
        self,
        languages: tuple[str, str],
        texts: tuple[str, str],
        words: tuple[Sequence[Interval], Sequence[Interval]],
    ) -> tuple[Floats, Floats]:
        """Evidence on the words of source (M, F) and target (N, F); zeros for pairs without tables.

        Args:
            languages, texts, words: of source and target.
        """
        forward, back = (self.tables.get(f"{a}-{b}") for a, b in (languages, languages[::-1]))
        if forward is None or back is None:
            source, target = (np.zeros((len(side), FEATURES), np.float32) for side in words)
            return source, target
        return (
            carried(word_evidence(back, forward, *texts), texts[0], words[0]),
            carried(word_evidence(forward, back, *reversed(texts)), texts[1], words[1]),
        )

    def save(self, folder: Path) -> None:
        """Write every table."""
        folder.mkdir(parents=True, exist_ok=True)
        for direction, table in self.tables.items():
            table.save(folder, direction)

    @classmethod
    def load(cls, folder: Path) -> "WordTables":
        """Read what `save` wrote.

        Raises:
            InputError: missing or broken.
        """
        directions = sorted(file.stem for file in folder.glob("*.safetensors"))
        if not directions:
            raise InputError(f"{folder}: no word table here")
        return cls({direction: WordTable.load(folder, direction) for direction in directions})
