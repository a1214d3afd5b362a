"""The source language of a message, voted for by its pieces.

The teacher's detector is linear in the mean of the pieces' embeddings. So it is one table of votes, which is kept
beside models that have no detector of their own: students, whatever runs them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile

import numpy as np
from transformers import PreTrainedTokenizerBase

from parley.decoding.pieces import source_pieces
from parley.decoding.protocols import Detection
from parley.languages.table import AUTO
from parley.pipeline.atomic import replacing
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    Array = np.ndarray[Any, np.dtype[Any]]

FILE: Final = "detector.npz"


@dataclass(frozen=True)
class Detector:
    """Names source languages.

    Attributes:
        codes: [L] of the languages that it knows.
        votes_VL: logits that each piece gives to each language.
    """

    codes: tuple[str, ...]
    votes_VL: "Array"

    @classmethod
    def of(cls, model: Any) -> "Detector | None":
        """That of a teacher; None for models without."""
        votes: Callable[[], Tensor] | None = getattr(model, "detection_votes", None)
        return cls(tuple(model.config.languages), votes().float().cpu().numpy()) if votes else None

    @classmethod
    def beside(cls, folder: Path) -> "Detector | None":
        """What `save` wrote into a model's folder; None where there is nothing.

        Raises:
            InputError: the file is damaged.
        """
        if not (folder / FILE).is_file():
            return None
        try:
            with np.load(folder / FILE, allow_pickle=False) as stored:
                return cls(tuple(stored["codes"].tolist()), stored["votes"].astype(np.float32))
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise InputError(f"{folder / FILE}: not a detector of languages ({error}); remove it") from error

    def save(self, folder: Path) -> None:
        """Write it into a model's folder, in half precision."""
        with replacing(folder / FILE) as temporary, temporary.open("wb") as file:
            np.savez(file, codes=np.array(self.codes), votes=self.votes_VL.astype(np.float16))

    def __call__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[Detection]:
        """The likeliest language of each text."""
        return [self._voted(pieces[1:]) for pieces in source_pieces(tokenizer, texts, [AUTO] * len(texts))]

    def _voted(self, pieces: Sequence[int]) -> Detection:
        logits_L = self.votes_VL[list(pieces)].mean(axis=0)
        odds_L = np.exp(logits_L - logits_L.max())
        best = int(odds_L.argmax())
        return Detection(self.codes[best], float(odds_L[best] / odds_L.sum()))
